# SPDX-License-Identifier: GPL-2.0-or-later
# A strict reader of Prometheus' text exposition format 0.0.4.
# usage: exposition.py FILE [EARLIER-FILE]; "N families, M samples", or what is wrong with exit status 1. Counters must not
# be less than in the earlier file.
import re, sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(r"(%s)(?:\{((?:%s,)*(?:%s)?)\})? (\S+)(?: (-?[0-9]+))?" % (NAME, LABEL, LABEL))
VALUE = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?Inf|NaN")


def wrong(line, text):
    sys.exit("line %d: %s" % (line, text))


# By name and labels: (type, value).
def read(path):
    data = open(path, "rb").read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        wrong(0, e)
    if not text.endswith("\n"):
        wrong(0, "the last line does not end")
    helps, types, samples, done, last = {}, {}, {}, set(), None
    for i, line in enumerate(text[:-1].split("\n"), 1):
        comment = re.fullmatch(r"# (HELP|TYPE) (%s) (.+)" % NAME, line)
        sample = SAMPLE.fullmatch(line)
        if comment:
            kind, name, rest = comment.groups()
            seen = helps if kind == "HELP" else types
            if name in seen:
                wrong(i, "a second %s of %s" % (kind, name))
            if kind == "TYPE" and rest not in ("counter", "gauge", "histogram", "summary", "untyped"):
                wrong(i, "no type: " + rest)
            if kind == "HELP" and re.search(r"\\(?![\\n])", rest):
                wrong(i, "a backslash of its own")
            seen[name] = rest
        elif sample:
            name, labels, value = sample.group(1), sample.group(2) or "", sample.group(7)
            pairs = re.findall(LABEL, labels)
            names = [p[0] for p in pairs]
            if name not in helps or name not in types:
                wrong(i, "%s has no HELP or TYPE before it" % name)
            if not VALUE.fullmatch(value):
                wrong(i, "no number: " + value)
            if len(set(names)) != len(names) or any(n.startswith("__") for n in names):
                wrong(i, "labels " + labels)
            if (types[name] == "counter") != name.endswith("_total"):
                wrong(i, "%s is a %s" % (name, types[name]))
            if types[name] == "counter" and not float(value) >= 0:
                wrong(i, "a counter of " + value)
            key = name, tuple(sorted(pairs))
            if key in samples:
                wrong(i, "%s a second time" % line)
            samples[key] = types[name], float(value)
        else:
            wrong(i, "neither comment nor sample: " + line)
        if name != last and name in done:
            wrong(i, "%s is in two places" % name)
        done.add(name)
        last = name
    return types, samples


types, samples = read(sys.argv[1])
if len(sys.argv) > 2:
    for key, (kind, value) in read(sys.argv[2])[1].items():
        if kind == "counter" and key in samples and samples[key][1] < value:
            wrong(0, "%s was %g and is %g" % (key[0], value, samples[key][1]))
print("%d families, %d samples" % (len(types), len(samples)))
