"""How both suites measure, and what the papers print, in sentences that come with every table."""

from __future__ import annotations

EDGE_PROTOCOL = (
    "Meter one of a pair is called normal and meter two abnormal: the network tells two meters apart, no anomalies.",
    "First 80,000 readings of each meter of COMBED, 200 a window, not overlapping: 400 windows a class.",
    "300 windows train, 300 validate, 200 test, half of each class; batches of 25, shuffled; the best epoch counts.",
    "paper: windows at random, min-max scaling over all of them. train-only scaling: fitted on training windows.",
    "split by time: the first 3/8 of each meter train, the next 3/8 validate, the last quarter tests; train-only.",
    (
        "injected: theft and faults in 100 min windows of meters that training never saw, each scaled by its own past;"
        " threshold at 1 % of normal validation windows. Left-out types are in no training window."
    ),
    "Boosted trees see value changes (x(t) - x(t - k) and their ratios) of the same windows.",
    (
        "The improved recipe is the paper's stack that also sees the logarithm of watts, their changes and the trees'"
        " figures, with a falling rate. The trees' success gave the idea; no choice was made by its test windows."
    ),
)
EDGE_PUBLISHED = (
    "The paper prints accuracy 0.92, TPR 0.81, FPR 0.50, with TP 34, FP 8, TN 8, FN 150 of 200 windows.",
    (
        "These disagree: 184 right of 200 means TN 150 and FN 8, so FPR is 8 / 158 = 0.05; the text says 100 abnormal"
        " windows where its counts hold 42; and 0.92 is to be read beside 0.79, what always saying normal would get."
    ),
    "It does not name its two meters, so every pair is a reproduction: see the median, the worst and the list.",
    "935 us a window on a Pi 3B is 0.56 s for 600 windows at once: compare it with the batch figure alone.",
)
CLOUD_PROTOCOL = (
    (
        "Smart plugs of TVs (Tracebase), on a 30 s grid, each by itself: a network is trained on its first days, at"
        " most 14; the days that follow are the test."
    ),
    "False alarms: incidents on test days as recorded. Injected anomalies come into copies of the same days.",
    "Thresholds ask for one alarm a device-week, set on training days by the product's own rule.",
    "An event is found if an incident opens for it that the clean twin does not have.",
)
