# syntax=docker/dockerfile:1.7
# Builds with only the manifests first, so that the dependencies are a layer of their own and change with Cargo.lock alone.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && echo 'fn main() {}' > benches/ingest.rs \
    && cargo build --release --locked \
    && rm -rf src benches
COPY src src
COPY benches benches
COPY config config
# The stand-ins above are newer than the sources in the image's layers may be; cargo goes by time.
RUN touch src/main.rs src/lib.rs \
    && cargo build --release --locked \
    && mkdir -p /out/data /out/etc/castai-relay \
    && cp target/release/castai-relay /out/castai-relay \
    && cp config/example.yaml /out/etc/castai-relay/relay.yaml

# glibc, CA certificates and a nonroot user; no shell. Probes are HTTP on the admin port, so there is no HEALTHCHECK.
FROM gcr.io/distroless/cc-debian12:nonroot
# The default database, data/relay.db, is then /data/relay.db.
WORKDIR /
COPY --from=build /out/castai-relay /usr/local/bin/castai-relay
COPY --from=build --chown=65532:65532 /out/etc/castai-relay /etc/castai-relay
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/castai-relay"]
CMD ["serve", "--config", "/etc/castai-relay/relay.yaml"]
