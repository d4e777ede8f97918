# SPDX-License-Identifier: GPL-3.0-or-later
# The engine, the libraries it loads, and nothing else: docker build -t engine .
FROM debian:12 AS build
WORKDIR /src
COPY . .
RUN scripts/build
RUN mkdir -p /image/etc/engine /image/var/lib/engine /image/run/engine /image/tmp \
 && ldd build/release/engine | grep -o '/[^ ]*' | xargs cp -L --parents -t /image \
 && cp -L --parents -t /image /etc/ssl/certs/ca-certificates.crt \
 && strip -o /image/engine build/release/engine \
 && cp proxy.toml /image/etc/engine \
 && echo 'engine:x:65532:65532::/var/lib/engine:' >/image/etc/passwd \
 && chown -R 65532:65532 /image/var/lib/engine /image/run/engine \
 && chmod 1777 /image/tmp

FROM scratch
COPY --from=build /image /
ENV ENGINE_STATE_DIR=/var/lib/engine ENGINE_SOCKET=/run/engine/admin.sock
USER 65532:65532
EXPOSE 80 443
STOPSIGNAL SIGTERM
HEALTHCHECK CMD ["/engine", "healthcheck"]
ENTRYPOINT ["/engine"]
CMD ["--config", "/etc/engine/proxy.toml"]
