# Scores by default. To train as well:  docker build --build-arg EXTRAS=[train,parquet] -t bertsent .
# Use:  docker run --rm -v "$PWD:/workspace" bertsent predict "great film"
FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim
ARG EXTRAS=""
COPY --from=build /wheel /wheel
COPY constraints.txt /wheel/
RUN pip install --no-cache-dir --constraint /wheel/constraints.txt "$(ls /wheel/*.whl)${EXTRAS}" \
    && rm -rf /wheel \
    && useradd --create-home --uid 1000 bertsent \
    && mkdir /workspace \
    && chown bertsent:bertsent /workspace
USER bertsent
WORKDIR /workspace
ENV BERTSENT_HOME=/workspace BERTSENT_CACHE=/home/bertsent/.cache/bertsent PYTHONUNBUFFERED=1
ENTRYPOINT ["bertsent"]
CMD ["--help"]
