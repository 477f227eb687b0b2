# The kit as an image: `docker build --tag named-pipes .` Binder builds it from here, too, and
# classroom/kubernetes.md has it on Kubernetes. Debian's release is kept for years; all of Python's
# packages have the versions of requirements.lock.
FROM debian:13-slim

# lsof, procps and psmisc: what the chapters look with. tini: PID 1, which waits for every orphan.
# Of a release Debian keeps only the newest version of a package, so none can be named here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends lsof procps psmisc python3-venv tini \
    && rm -rf /var/lib/apt/lists/*

# jovyan, 1000 and /home/jovyan are what Binder and the chart for Kubernetes expect. A home that is
# a volume hides what is there, so the kit and its Python are elsewhere.
RUN useradd --uid 1000 --gid users --create-home --shell /bin/bash jovyan
ENV LANG=C.UTF-8 PATH=/opt/venv/bin:$PATH
WORKDIR /opt/named-pipes
COPY pyproject.toml requirements.lock LICENSE ./
COPY pipe_helpers pipe_helpers
COPY notebooks notebooks
RUN python3 -m venv /opt/venv \
    && PIP_CONSTRAINT=requirements.lock PIP_BUILD_CONSTRAINT=requirements.lock \
       pip install --no-cache-dir --editable . jupyterhub \
    && python3 -m compileall -q pipe_helpers

# Binder starts jupyter-lab, not the command below: this is how that finds the kit's settings, and
# why the learner's copy is in the image already.
ENV JUPYTER_CONFIG_PATH=/opt/named-pipes/notebooks/.jupyter
USER 1000
WORKDIR /home/jovyan
RUN named-pipes copy

EXPOSE 8888
ENTRYPOINT ["tini", "--"]
CMD ["named-pipes", "lab", "--ip=0.0.0.0", "--port=8888"]
