"""`python -m bench [GROUP] [--quick] [--full]`: a durable PostgreSQL, a database, the groups.

The groups themselves run in a second process (bench/run.py), whose settings name that database.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

from bench.servers import GROUPS, Refused, bench_database, durable_services
from dev.environment import inherited, tool_environment
from dev.errors import DevError, Stopped
from dev.interrupts import Interrupts
from dev.places import throwaway
from dev.with_services import foreground

# The product's own default would end a benchmark within a second of it.
NO_LIMIT = {"API_RATE": "1000000000/min"}


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="?", choices=GROUPS, help="one group; without, all")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="tiny: whether the benches run at all")
    size.add_argument("--full", action="store_true", help="ten million open places, not one")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the groups and return the exit code of the process that did."""
    asked = parsed(arguments)
    size = "quick" if asked.quick else "full" if asked.full else "usual"
    groups = [asked.only] if asked.only else GROUPS
    interrupts = Interrupts()
    interrupts.listen()
    try:
        with (
            throwaway() as place,
            durable_services(place) as services,
            bench_database(services.database_url) as url,
        ):
            env = inherited() | tool_environment(place, services) | NO_LIMIT | {"DATABASE_URL": url}
            code = prepare(env, interrupts)
            argv = [sys.executable, "-m", "bench.run", str(place), size, *groups]
            env["DATABASE_ROLE"] = "fairclick_runtime"
            return code or foreground(argv, env, interrupts)
    except Stopped:
        return 130
    except (DevError, Refused) as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1


def prepare(env: Mapping[str, str], interrupts: Interrupts) -> int:
    """Roles, schema and static files; the exit code of what failed, or 0."""
    for role, *command in (
        ("", "make_roles"),
        ("fairclick_owner", "migrate", "--verbosity", "0"),
        ("fairclick_owner", "collectstatic", "--noinput", "--verbosity", "0"),
    ):
        argv = [sys.executable, "manage.py", *command]
        if code := foreground(argv, {**env, "DATABASE_ROLE": role}, interrupts):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
