# refine serve in a container: no shell, nobody's user, and only /data is written to.
#
#   docker build -t refiner .
#   docker run --rm -e REFINER_API_KEY=$(openssl rand -hex 32) -e REFINE_SCOPE_USER=nora -p 127.0.0.1:8377:8377 -v refiner:/data refiner
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /refine ./cmd/refine \
	&& mkdir /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /refine /refine
COPY --from=build --chown=65532:65532 /data /data
ENV REFINE_STORE_PATH=/data/store.db \
	REFINE_SERVE_LISTEN=0.0.0.0:8377
VOLUME /data
EXPOSE 8377
USER nonroot
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/refine", "serve", "health"]
ENTRYPOINT ["/refine"]
CMD ["serve"]
