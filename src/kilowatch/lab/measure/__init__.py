"""Measures of detection quality: ranking without a threshold, and the operating point of real incidents."""

from kilowatch.lab.measure.bootstrap import Difference, mean_interval, paired_bootstrap
from kilowatch.lab.measure.burden import OpenTime, declustered, false_alarms, faulty_days_found, open_time
from kilowatch.lab.measure.confusion import Confusion
from kilowatch.lab.measure.events import Credit, Detection, detect, true_alarms, unlike_clean
from kilowatch.lab.measure.intervals import Interval, Rate, Share, shares_by
from kilowatch.lab.measure.ranking import auc_pr, auc_roc, base_rate
from kilowatch.lab.measure.times import EventTimes, IncidentTimes
from kilowatch.lab.measure.vus import Volume, vus

__all__ = [
    "Confusion",
    "Credit",
    "Detection",
    "Difference",
    "EventTimes",
    "IncidentTimes",
    "Interval",
    "OpenTime",
    "Rate",
    "Share",
    "Volume",
    "auc_pr",
    "auc_roc",
    "base_rate",
    "declustered",
    "detect",
    "false_alarms",
    "faulty_days_found",
    "mean_interval",
    "open_time",
    "paired_bootstrap",
    "shares_by",
    "true_alarms",
    "unlike_clean",
    "vus",
]
