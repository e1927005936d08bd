"""FIFO lots of 10,000 trades of a coin with rp2, in turn with ours; called by `run`.

Of rp2 its engine alone is timed: its input is in memory, and no report is written.
"""

import csv
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
bench, folder = (os.path.abspath(it) for it in sys.argv[1:3])
# It writes a log where it is.
os.chdir(folder)
logging.disable(logging.CRITICAL)

from prezzemolo.avl_tree import AVLTree
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.out_transaction import OutTransaction
from rp2.plugin.accounting_method.fifo import AccountingMethod
from rp2.plugin.country.us import US
from rp2.rp2_decimal import ZERO, RP2Decimal
from rp2.tax_engine import compute_tax
from rp2.transaction_set import TransactionSet

CONFIG = """[general]
assets = S0
exchanges = main
holders = me

[in_header]
timestamp = 0
asset = 1
exchange = 2
holder = 3
transaction_type = 4
spot_price = 5
crypto_in = 6
fiat_fee = 7

[out_header]
timestamp = 0
asset = 1
exchange = 2
holder = 3
transaction_type = 4
spot_price = 5
crypto_out_no_fee = 6
crypto_fee = 7

[intra_header]
timestamp = 0
asset = 1
from_exchange = 2
from_holder = 3
to_exchange = 4
to_holder = 5
spot_price = 6
crypto_sent = 7
crypto_received = 8
"""


def ours():
    done = subprocess.run([bench, "child", "lots", folder], stdout=subprocess.PIPE, check=True)
    took, gain, rows = done.stdout.split()
    return float(took), int(gain), int(rows)


def theirs(configuration, trades):
    bought = TransactionSet(configuration, "IN", "S0", MIN_DATE, MAX_DATE)
    sold = TransactionSet(configuration, "OUT", "S0", MIN_DATE, MAX_DATE)
    moved = TransactionSet(configuration, "INTRA", "S0", MIN_DATE, MAX_DATE)
    for row, (at, action, quantity, price, fee) in enumerate(trades, 1):
        quantity, price, fee = RP2Decimal(quantity), RP2Decimal(price), RP2Decimal(fee)
        if action == "BUY":
            bought.add_entry(InTransaction(configuration, at, "S0", "main", "me", "BUY", price,
                                           quantity, fiat_fee=fee, row=row))
        else:
            # It has no fee in dollars for a sale: what is left after it is given as the proceeds.
            sold.add_entry(OutTransaction(configuration, at, "S0", "main", "me", "SELL", price,
                                          quantity, ZERO, fiat_out_no_fee=quantity * price - fee,
                                          row=row))
    data = InputData("S0", bought, sold, moved)
    methods = AVLTree()
    methods.insert_node(MIN_DATE.year, AccountingMethod())
    engine = AccountingEngine(years_2_methods=methods)
    start = time.perf_counter()
    computed = compute_tax(configuration, engine, data)
    took = time.perf_counter() - start
    gain = sum((entry.fiat_gain for entry in computed.gain_loss_set), ZERO)
    return took, gain, computed.gain_loss_set.count


with tempfile.NamedTemporaryFile("w", suffix=".ini") as config:
    config.write(CONFIG)
    config.flush()
    configuration = Configuration(config.name, US())

_, cents, rows = ours()
with open(f"{folder}/trades.csv", newline="") as file:
    trades = list(csv.reader(file))
took, gain, their_rows = theirs(configuration, trades)
# Cents are rounded a row, and their sum is not: it must be the same all the same.
assert rows == their_rows, (rows, their_rows)
assert abs(float(gain) * 100 - cents) < len(trades), (gain, cents)
ratios = [theirs(configuration, trades)[0] / ours()[0] for _ in range(ROUNDS)]
median = statistics.median(ratios)
verdict = "reached" if 200 <= median else "missed"
print(f"| FIFO lots of {len(trades)} trades of a coin, how many times as fast | rp2, its engine alone |"
      f" at least 200 x | {median:.0f} x | {min(ratios):.0f} - {max(ratios):.0f} | {verdict} |")
