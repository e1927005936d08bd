"""Rolling metrics of 1,000,000 trades with pandas and numpy, in turn with ours; called by `run`.

Win rate, profit factor, largest drawdown and losing streak over the last 20 trades, each trade.
"""

import statistics
import subprocess
import sys
import time

import numpy
import pandas

ROUNDS = 5
WINDOW = 20
EQUITY = 100_000_000
bench, folder = sys.argv[1:3]


def ours():
    done = subprocess.run([bench, "child", "rolling", folder], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def theirs(cents):
    start = time.perf_counter()
    results = pandas.Series(cents / 100)
    won, lost = results.clip(lower=0), -results.clip(upper=0)
    win_rate = (results > 0).rolling(WINDOW, min_periods=1).mean()
    profit_factor = (won.rolling(WINDOW, min_periods=1).sum()
                     / lost.rolling(WINDOW, min_periods=1).sum())
    equity = numpy.concatenate(([EQUITY], EQUITY + numpy.cumsum(cents)))
    # The first windows are shorter; they are filled up with the first point, which changes no fall.
    padded = numpy.concatenate((numpy.full(WINDOW - 1, EQUITY), equity))
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, WINDOW + 1)
    peaks = numpy.maximum.accumulate(windows, axis=1)
    drawdown = ((windows - peaks) / peaks).min(axis=1) * 100
    is_loss = (cents < 0).astype(numpy.int64)
    count = numpy.cumsum(is_loss)
    before = numpy.maximum.accumulate(numpy.where(is_loss == 0, count, 0))
    streak = numpy.minimum(count - before, WINDOW)
    took = time.perf_counter() - start
    assert len(win_rate) == len(profit_factor) == len(drawdown) == len(streak) == len(cents)
    return took


ours()
cents = numpy.fromfile(f"{folder}/results.i64", dtype="<i8")
theirs(cents)
ratios = [theirs(cents) / ours() for _ in range(ROUNDS)]
median = statistics.median(ratios)
verdict = "reached" if 8 <= median else "missed"
print(f"| rolling metrics of {len(cents)} trades, window 20, how many times as fast | pandas and numpy |"
      f" at least 8 x | {median:.1f} x | {min(ratios):.1f} - {max(ratios):.1f} | {verdict} |")
