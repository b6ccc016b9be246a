# The action's image: one static binary, the certificates it trusts, and nothing else. The target serve is the image of
# ec2-github-runner-serve, in the same form; the action's image, which each job pulls, has nothing of it.
#
# Plain enough for every builder, old and new. TARGETARCH (amd64, arm64) is set by BuildKit or by
# --build-arg; without it the image is for the machine that builds. It must not get its default in
# the ARG line: there a default would beat BuildKit's own value.
FROM golang:1.26.8-alpine AS build
ARG TARGETARCH
# The address of the repository that builds, to which its messages lead; a release gives it.
ARG SOURCE=""
WORKDIR /src
COPY . .
# Without inlining in the libraries the image is 360 KB smaller as a registry stores it, and each job pulls it.
RUN CGO_ENABLED=0 GOOS=linux GOARCH="${TARGETARCH:-$(go env GOARCH)}" \
    go build -trimpath -buildvcs=false -gcflags "github.com/aws/...=-l" -gcflags "github.com/google/...=-l" \
    -gcflags "github.com/golang-jwt/...=-l" -gcflags "go.yaml.in/...=-l" -gcflags "net/...=-l" \
    -ldflags "-s -w${SOURCE:+ -X github.com/marqo-ai/ec2-github-runner/bootstrap.Source=$SOURCE}" \
    -o /out/ec2-github-runner . \
    && ln -s ec2-github-runner /out/ec2-github-runner-post

FROM build AS build-serve
ARG TARGETARCH
ARG SOURCE=""
# What -version says.
ARG VERSION=""
RUN CGO_ENABLED=0 GOOS=linux GOARCH="${TARGETARCH:-$(go env GOARCH)}" \
    go build -trimpath -buildvcs=false -gcflags "github.com/aws/...=-l" -gcflags "github.com/google/...=-l" \
    -gcflags "github.com/golang-jwt/...=-l" -gcflags "go.yaml.in/...=-l" -gcflags "net/...=-l" \
    -ldflags "-s -w -X main.version=$VERSION${SOURCE:+ -X github.com/marqo-ai/ec2-github-runner/bootstrap.Source=$SOURCE}" \
    -o /out-serve/ec2-github-runner-serve ./cmd/serve

FROM scratch AS serve
COPY --from=build-serve /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build-serve /out-serve/ /
# Nobody: the files that are mounted must be readable by this id, or docker run --user names another.
USER 65532:65532
ENTRYPOINT ["/ec2-github-runner-serve"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# The second name is the post step: GitHub can start it with no arguments of its own, so the
# binary tells by its name which of the two it is.
COPY --from=build /out/ /
ENTRYPOINT ["/ec2-github-runner"]
