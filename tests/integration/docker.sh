#!/bin/sh
# For SQUINT_CONTAINER where there is Docker, or whatever DOCKER names: builds and runs the image as compose.yaml does.
#
#   docker.sh build [ARG ...]    build ./Dockerfile; ARGs go to the build (e.g. --target tensorflow)
#   docker.sh run [CMD ...]      run the image's own CMD (or CMD) on the host's network
# IMAGE=name names the image.
set -eu
docker=${DOCKER:-docker}
image=${IMAGE:-squint}
verb=$1
shift
case $verb in
build) exec "$docker" build --tag "$image" "$@" . ;;
# With the host's process ids: the tests take those of the workers from the log, and kill some.
run) exec "$docker" run --rm --network host --pid host --read-only --tmpfs /tmp:size=64m,mode=1777 \
  --cap-drop ALL --security-opt no-new-privileges:true "$image" "$@" ;;
*) sed -n '2,6p' "$0"; exit 2 ;;
esac
