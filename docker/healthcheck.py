"""Exit code 0 when the address given answers with success: `python healthcheck.py http://127.0.0.1:8080/readyz`."""

import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 5


def main() -> int:
    # A proxy of the environment can never be the way to this very container.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(sys.argv[1], timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the address is the image's own
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
