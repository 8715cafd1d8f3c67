# cladeseg as a container whose entry point is the command line.
#   CPU:   docker build -t cladeseg .
#   CUDA:  docker build -t cladeseg --build-arg BASE=IMAGE .     with an image that brings PyTorch for CUDA
#   run:   docker run --rm --user "$(id -u)" -v "$PWD":/work cladeseg predict hippocampus scan.nii.gz --output masks
ARG BASE=python:3.12-slim
FROM ${BASE}

# Where PyTorch's builds without CUDA come from, gigabytes smaller: --build-arg PIP_EXTRA_INDEX_URL=…
ARG PIP_EXTRA_INDEX_URL
ENV PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp/matplotlib

# The checkout is looked at, not copied into a layer; versions are those that the tests run with.
RUN --mount=type=bind,target=/src,rw pip install --no-cache-dir -c /src/constraints.txt /src

WORKDIR /work
USER 1000
ENTRYPOINT ["cladeseg"]
CMD ["--help"]
