"""How each suite measures, in sentences that are printed with every table."""

from __future__ import annotations

FAULTS = (
    "Each day is left out in turn: detectors and thresholds come from the other normal days of the appliance.",
    "VUS-PR: mean over (appliance, fault) sets, buffer 10 min; scores are causal.",
    (
        "Event recall: mean over sets. An incident opens, or stands, between the event's start and an hour after its"
        " end, and none of the normal day's does."
    ),
    "Faulty days found: an incident opens that day, and none on its clean twin.",
    "False alarms: incidents on normal days that were left out.",
)

INJECTED = (
    "Learnt from the first 14 days of each device, half of a shorter series; the rest is the test.",
    "Copies of each test share 15 types of injection, up to 12 h each, 6 h apart; strengths are dealt out to devices.",
    "An event is found if an incident opens for it that the clean twin does not have.",
    "False alarms, open time and the achieved rate come from the test as it was recorded.",
    "After a drift of +30 % within a day, with the product learning anew as it does, alarms count from 3 days on.",
    "VUS-PR: mean over copies, buffer 60 samples; scores are causal.",
)

NAB = (
    "Detectors learn the training prefix only, and score each sample from those before it.",
    (
        "VUS-PR as published: over the whole series, buffer = its period by autocorrelation. With that buffer the"
        " published figures of a deterministic method come out to six digits."
    ),
    "The published methods saw the whole series, most of them the future of each sample too.",
    "Values become watts by the prefix's range (1,000 W); its rhythm is taken for the day.",
)

SWITCH_OFF = (
    "The whole product, learning anew as it does; everything armed, nothing protected, no minimum run time.",
    "False offs: switch-offs on data as recorded, per device-year watched; 95 % upper bound, exact Poisson.",
    (
        "Critical faults: stuck on, or never stops, for 6 to 12 h, adding 100 W or more and at least as much again as"
        " the appliance should draw. Meters of floors and buildings have no switch and get none."
    ),
    "What ships meets three copies of each device with faults, detectors to compare with the first of them.",
    "The slowest of those (subspace, autoregressive, isolation_forest) take part only where asked for by name.",
    "A fault counts as switched off while it lasts; not if sound data would have been switched off as well.",
)

OPERATING_POINT = (
    "Operating point: the first of the requested rates 1, 0.7, 0.5, 0.35, 0.2, 0.1 a device-week at which clean data"
    " gave at most one false alarm a device-week; the achieved rate is told for a request of 1, over the devices that"
    " a detector could learn."
)
