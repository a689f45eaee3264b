"""A second, small implementation of OED's direct terms, for comparison: python3 terms.py, in its folder

Written from the OED specification's words, not from package terms: exact fractions, one loss at a time, the personal and small
commercial book: deductibles and limits of coverages and of a location (amounts, fractions of loss, fractions of value, minimum and
maximum deductible), participation, then for each policy deductible and limit, attachment, limit and share of its layer. A
minimum or maximum looks at the deductibles below it; limits below it are left out here, as their give and take is what
the worked cases are for. It draws accounts at random and writes location.csv, account.csv, loss_factors.csv and
expected.csv.
"""
import csv
import random
from fractions import Fraction as F

COVERAGES = ("Building", "Other", "Contents", "BI")
SUFFIX = {"Building": "1Building", "Other": "2Other", "Contents": "3Contents", "BI": "4BI", "All": "6All"}
FACTORS = [F(1), F(3, 5), F(1, 4), F(1, 20), F(1, 200)]


def of(kind, figure, loss, value):
    return {0: figure, 1: figure * loss, 2: figure * value}[kind]


def deducted(term, loss, value):
    return min(of(term["ded_type"], term["ded"], loss, value), loss)


def limited(term, left, loss, value):
    return min(left, of(term["limit_type"], term["limit"], loss, value)) if term["limit"] else left


def location_loss(loc, factor):
    """What the policies see of a location, in all."""
    borne = paid = F(0)
    for c in COVERAGES:
        value, term = loc["tiv"][c], loc["terms"][c]
        loss = factor * value
        d = deducted(term, loss, value)
        borne += d
        paid += limited(term, loss - d, loss, value)
    whole, value = loc["terms"]["All"], sum(loc["tiv"].values())
    wanted = borne + of(whole["ded_type"], whole["ded"], paid, value)
    if whole["min"]:
        wanted = max(wanted, whole["min"])
    if whole["max"]:
        wanted = min(wanted, whole["max"])
    everything = borne + paid
    # Without a minimum or maximum a deductible takes of what is left; with one, of all that was lost.
    left = everything - min(wanted, everything)
    return limited(whole, left, paid, value) * loc["share"]


def account_losses(account, factor):
    losses = [location_loss(loc, factor) for loc in account["locations"]]
    total, value = sum(losses), sum(sum(loc["tiv"].values()) for loc in account["locations"])
    gross = [F(0)] * len(losses)
    for p in account["policies"]:
        left = limited(p, total - deducted(p, total, value), total, value)
        above = max(left - p["attachment"], F(0))
        layer = (min(above, p["layer_limit"]) if p["layer_limit"] else above) * p["share"]
        if total:
            gross = [g + layer * loss / total for g, loss in zip(gross, losses)]
    return gross


def draw_term(draw, value, limits=True):
    kind = draw.choice([0, 0, 1, 2])
    ded = F(draw.randint(1, 40) * 250) if kind == 0 else F(draw.randint(1, 10), 100)
    limit_type = draw.choice([0, 1, 2])
    limit = F(draw.randint(1, 20) * 20000) if limit_type == 0 else F(draw.randint(20, 95), 100)
    return {"ded": ded if draw.random() < .6 else F(0), "ded_type": kind, "min": F(0), "max": F(0),
            "limit": limit if limits and draw.random() < .5 else F(0), "limit_type": limit_type}


def draw_location(draw):
    bounded = draw.random() < .4
    tiv = {"Building": F(draw.randint(100, 900) * 1000), "Other": F(draw.randint(0, 90) * 1000),
           "Contents": F(draw.randint(0, 400) * 1000), "BI": F(draw.randint(0, 100) * 1000)}
    terms = {c: draw_term(draw, tiv[c], limits=not bounded) for c in COVERAGES}
    whole = draw_term(draw, sum(tiv.values()))
    if bounded:
        whole["min"] = F(draw.randint(0, 30) * 500)
        whole["max"] = whole["min"] + F(draw.randint(1, 40) * 500) if draw.random() < .7 else F(0)
    terms["All"] = whole
    return {"tiv": tiv, "terms": terms, "share": draw.choice([F(1), F(1), F(9, 10), F(1, 2)])}


def draw_account(draw):
    policies = []
    for _ in range(draw.choice([1, 1, 2, 3])):
        p = draw_term(draw, None)
        p.update(attachment=F(draw.choice([0, 0, 20000, 150000])), layer_limit=F(draw.choice([0, 250000, 1000000])),
                 share=draw.choice([F(1), F(1, 2), F(3, 10)]))
        policies.append(p)
    return {"locations": [draw_location(draw) for _ in range(draw.choice([1, 1, 2, 5]))], "policies": policies}


def columns(prefix, suffix, term, bounds=True):
    named = {"Ded": "ded", "DedType": "ded_type", "Limit": "limit", "LimitType": "limit_type"}
    if bounds:
        named.update({"MinDed": "min", "MaxDed": "max"})
    return {prefix + column + suffix: text(term[key]) for column, key in named.items()}


def text(x):
    return repr(float(x)) if isinstance(x, F) and x.denominator != 1 else str(int(x))


def write(name, rows):
    with open(name, "w", newline="") as f:
        out = csv.DictWriter(f, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def main():
    draw = random.Random(20261122)
    locations, policies, expected = [], [], []
    for a in range(120):
        account = draw_account(draw)
        for n, loc in enumerate(account["locations"]):
            row = {"PortNumber": "P", "AccNumber": f"A{a:03}", "LocNumber": n + 1, "CountryCode": "US", "LocPerilsCovered": "WTC",
                   "LocPeril": "WTC", "LocCurrency": "USD", "LocParticipation": text(loc["share"])}
            row.update({c + "TIV": text(loc["tiv"][c]) for c in COVERAGES})
            for c, term in loc["terms"].items():
                row.update(columns("Loc", SUFFIX[c], term, bounds=c == "All"))
            locations.append(row)
        for n, p in enumerate(account["policies"]):
            row = {"PortNumber": "P", "AccNumber": f"A{a:03}", "PolNumber": n + 1, "PolPerilsCovered": "WTC", "PolPeril": "WTC",
                   "AccCurrency": "USD", "LayerAttachment": text(p["attachment"]), "LayerLimit": text(p["layer_limit"]),
                   "LayerParticipation": text(p["share"])}
            row.update(columns("Pol", "6All", p, bounds=False))
            policies.append(row)
        for k, factor in enumerate(FACTORS):
            for n, loss in enumerate(account_losses(account, factor)):
                expected.append({"PortNumber": "P", "AccNumber": f"A{a:03}", "LocNumber": n + 1, "loss_factor_idx": k,
                                 "loss_il": repr(float(loss))})
    write("location.csv", locations)
    write("account.csv", policies)
    write("expected.csv", expected)
    write("loss_factors.csv", [{"loss_factor": text(f)} for f in FACTORS])


main()
