#!/usr/bin/env bash
# guessit 4.4.0, rebulk 6.0.1, Python 3.11.
#
# guessit builds its rules once, and keeps them: two calls share one engine. One would think that the order in which the
# rules run is part of what is kept, since it depends on the rules alone. It is not: rebulk collects the rules, sorts
# them by priority and by what they depend on, and looks up the place of each in the list, one comparison after the
# other, in each call. So a name of one word costs thousands of comparisons of rules, as many as a long one does. An
# engine whose `effective_rules` returns them in order finds the same, with no comparison, in a fifth less time.
#
# Output seen (the last line moved by a tenth):
#   comparisons of rules: 4621 for 'Alien', 4621 for a whole release, 0 with the rules sorted once
#   results: the same
#   time with the rules sorted once: 0.78
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check guessit==4.4.0 rebulk==6.0.1
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import itertools
import statistics
import time

from guessit.api import GuessItApi
from guessit.rules import rebulk_builder
from rebulk.rules import CustomRule, Rules, execute_rule, toposort_rules

NAMES = ["Alien", "The.Quiet.Harbour.2011.German.DL.1080p.BluRay.x264-GROUP", "Show.Name.S02E05.The.Pier.720p.WEB.H264-GRP"]
compared = 0
equal = CustomRule.__eq__


def counted(self, other):
    global compared
    compared += 1
    return equal(self, other)


class Sorted(Rules):
    def execute_all_rules(self, matches, context):
        done = [(rule, execute_rule(rule, matches, context)) for rule in self]
        return [(rule, response) for rule, response in done if response is not None]


def sorted_once(config):
    engine = rebulk_builder(config)
    find, kept = engine.effective_rules, []

    def effective_rules(context=None):
        if not kept:
            rules, ordered = find(context), Sorted()
            for _, same in itertools.groupby(sorted(rules), key=lambda rule: rule.priority):
                for group in toposort_rules(list(same)):
                    ordered.extend(sorted(group, key=rules.index))
            kept.append(ordered)
        return kept[0]

    engine.effective_rules = effective_rules
    return engine


OPTIONS = {"no_user_config": True}
plain, prepared = GuessItApi(), GuessItApi()
prepared.configure(OPTIONS, rules_builder=sorted_once)
for api in (plain, prepared):
    for name in NAMES:
        api.guessit(name, OPTIONS)

CustomRule.__eq__ = counted


def comparisons(api, name):
    global compared
    compared = 0
    api.guessit(name, OPTIONS)
    return compared


short, long, once = comparisons(plain, NAMES[0]), comparisons(plain, NAMES[1]), comparisons(prepared, NAMES[1])
CustomRule.__eq__ = equal
print(f"comparisons of rules: {short} for 'Alien', {long} for a whole release, {once} with the rules sorted once")
same = all(plain.guessit(name, OPTIONS) == prepared.guessit(name, OPTIONS) for name in NAMES)
print("results:", "the same" if same else "not the same")


def seconds(api):
    began = time.process_time()
    for name in NAMES * 40:
        api.guessit(name, OPTIONS)
    return time.process_time() - began


ratios = []
for _ in range(5):
    without, with_sorting = seconds(prepared), seconds(plain)
    ratios.append(without / with_sorting)
print(f"time with the rules sorted once: {statistics.median(ratios):.2f}")
assert short > 3000 and abs(short - long) < 100 and once == 0 and same
PYTHON
