"""Asks tj and its peers the same questions in turn; called by `run`."""

import resource
import statistics
import subprocess
import sys
import time

ROUNDS = 5
tj, logs, day, missing = sys.argv[1:5]

DUCKDB = """
import duckdb
text = ['timestamp','symbol','action','order_id','execution_mode','account_id','strategy_name',
    'entry_type','decision_reasoning','outcome','exit_timestamp','exit_reasoning','session_id',
    'bot_version','config_hash','hash']
money = ['price','total_value','stop_loss','target','profit_loss','slippage','commission',
    'net_profit_loss']
columns = {name: 'VARCHAR' for name in text}
columns |= {name: 'DECIMAL(18,4)' for name in money}
columns |= {'quantity': 'BIGINT', 'indicators_used': 'VARCHAR[]', 'risk_reward_ratio': 'DOUBLE',
    'hold_duration_seconds': 'BIGINT', 'seq': 'UBIGINT', 'dur': 'UBIGINT'}
print(duckdb.sql(f'''SELECT sum(profit_loss) FROM read_json('DAY', format='newline_delimited',
    columns={columns}) WHERE symbol = 'AAPL' ''').fetchall()[0][0])
"""


def run(command):
    """Seconds on the clock, seconds of CPU, and what was said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout.decode().strip()


def compare(what, ours, beside, theirs, goal, same=None):
    walls, cpus = [], []
    for round in range(ROUNDS + 1):
        our_wall, our_cpu, our_answer = run(ours)
        wall, cpu, answer = run(theirs)
        if same and not same(our_answer, answer):
            sys.exit(f"{what}: {our_answer!r} is not what {beside} says: {answer!r}")
        if round > 0:  # the first fills the cache
            walls.append(our_wall / wall)
            cpus.append(our_cpu / cpu)
    median = statistics.median(walls)
    verdict = "" if goal is None else "reached" if median <= goal else "missed"
    wanted = "-" if goal is None else f"at most {goal} x"
    print(f"| {what} | {beside} | {wanted} | {median:.3f} x |"
          f" {min(walls):.3f} - {max(walls):.3f} | {verdict} |")
    print(f"| - {what}, CPU time | {beside} | - | {statistics.median(cpus):.3f} x |"
          f" {min(cpus):.3f} - {max(cpus):.3f} | |")


def number(text):
    from decimal import Decimal
    return Decimal(text)


query = [tj, "--dir", logs, "query", "trades", "--symbol", "AAPL"]
if "ripgrep" not in missing:
    compare("tj query --count --symbol", [*query, "--count"], "rg -c",
            ["rg", "-c", '"symbol":"AAPL"', day], 1.1, lambda a, b: int(a) == int(b))
if "duckdb" not in missing:
    duckdb = [sys.executable, "-c", DUCKDB.replace("DAY", day)]
    compare("tj query --sum profit_loss --symbol", [*query, "--sum", "profit_loss"],
            "DuckDB read_json, typed columns", duckdb, 0.2,
            lambda a, b: number(a) == number(b))
if "openssl" not in missing:
    compare("tj verify --chain", [tj, "--dir", logs, "verify", "trades", "--chain"],
            "openssl dgst -sha256", ["openssl", "dgst", "-sha256", day], 0.65)
    compare("tj verify", [tj, "--dir", logs, "verify", "trades"],
            "openssl dgst -sha256", ["openssl", "dgst", "-sha256", day], 1.6)
