"""A second, small implementation of the wind field, for comparison: python3 windfield.py > windfield.csv

Written from the equations that package windfield cites (Georgiou 1985, Holland 1980, Vickery et al. 2009, Vickery and Skerlj
2005), not from its code: plain formulas with the standard library's functions, no tables, no shortcuts. The one thing taken from
the package is what its doc states as its choice: the shape exp(-y) exp(-exp(-y)) is read off a table of 64 nodes for each unit
of y = B ln(r/Rmax), linear between them. The column gradient_closed is without the table; the two differ by 4e-5 at most.
"""
import csv
import math
import random
import sys

RHO = 1.15          # kg/m3
OMEGA = 7.29e-5     # 1/s
DIRECTIONS = 16
INNER, OUTER, LAND_RATIO, LAND_GUST, SEA_GUST, TRANSITION = 0.71, 0.75, 0.83, 1.55, 1.40, 2.5


def shape(y):
    return math.exp(-y - math.exp(-y))


def tabulated(y):
    y = min(max(y, -4.0), 12.0)
    k = math.floor((y + 4.0) * 64)
    low = -4.0 + k / 64
    part = (y - low) * 64
    return (1 - part) * shape(low) + part * shape(low + 1 / 64)


def gradient(storm, east, north, profile):
    """Georgiou's gradient wind, m/s, east and north km from the centre."""
    r = max(math.hypot(east, north), 0.5)
    speed = math.hypot(storm["u"], storm["v"])
    toward = math.atan2(storm["u"], storm["v"])          # from north, clockwise
    bearing = math.atan2(east, north)
    # The angle is that of the place seen from the storm; within half a kilometre the wind fades with the distance.
    side = math.sin(bearing - toward) * math.hypot(east, north) / r
    f = 2 * OMEGA * math.sin(math.radians(storm["lat"]))
    g = (speed * side - f * r * 1000) / 2
    y = storm["b"] * math.log(r / storm["rmax"])
    return g + math.sqrt(g * g + storm["b"] * storm["dp"] * 100 / RHO * profile(y))


def reduction(r, rmax):
    return INNER + (OUTER - INNER) * min(max(r / rmax - 2, 0), 3) / 3


def gust_factor(fetch):
    over_land = LAND_RATIO * LAND_GUST
    return over_land + (SEA_GUST - over_land) * math.exp(-fetch / TRANSITION)


def came_from(east, north):
    """Counter-clockwise around the centre and 22.6 degrees inward: where the surface wind blows from, degrees."""
    bearing = math.degrees(math.atan2(east, north))
    return (bearing + 90 - 22.6) % 360


def main():
    draw = random.Random(20261122)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow("lat u v dp_hpa rmax_km b east_km north_km fetch_km gradient gradient_closed mean factor from".split())
    for _ in range(400):
        storm = dict(lat=draw.uniform(24, 31), u=draw.uniform(-12, 12), v=draw.uniform(-4, 14),
                     dp=draw.uniform(15, 120), rmax=draw.uniform(12, 90), b=draw.uniform(0.8, 2.2))
        r, angle = storm["rmax"] * math.exp(draw.uniform(-2, 2.2)), draw.uniform(0, 2 * math.pi)
        east, north = r * math.sin(angle), r * math.cos(angle)
        fetch = draw.choice([0.0, draw.uniform(0, 20)])
        g = gradient(storm, east, north, tabulated)
        row = [storm[k] for k in ("lat", "u", "v", "dp", "rmax", "b")] + [east, north, fetch, g, gradient(storm, east, north, shape),
               g * reduction(max(math.hypot(east, north), 0.5), storm["rmax"]), gust_factor(fetch), came_from(east, north)]
        out.writerow([repr(x) for x in row])


main()
