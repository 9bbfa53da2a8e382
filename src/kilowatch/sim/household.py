"""The default home: figures read off real traces, each with its source; none of the traces' data is here.

"tracebase X" is the plug X of Reinhardt et al., SustainIT 2012; "PCAD X" is appliance X of Papaioannou et al.,
Energies 17(17):4529, 2024; "UCI" is the household of Hebrail & Berard, 2012. Where no trace was at hand the
figures are usual name-plate values, and say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.core.device import Kind
from kilowatch.sim.condition import Part
from kilowatch.sim.habits import Habit
from kilowatch.sim.programme import ContinuousLoad, Phase, ProgrammeLoad
from kilowatch.sim.thermostat import ThermostaticLoad

if TYPE_CHECKING:
    from kilowatch.sim.appliance import Appliance

_MEALS = (0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 1, 2, 2, 1, 1, 1, 2, 2, 1, 1, 1, 2, 3, 3, 2, 1.5, 1, 0.5)

FRIDGE = ThermostaticLoad(
    # tracebase refrigerator_dev_599393: 130 W after a surge to 158 W that decays in minutes, runs 12.6-15.1 min
    # (10-90 %), pauses 30-50 min, 0.84 kWh a day; the motor starts with some hundred watts in the first second.
    name="fridge",
    kind=Kind.FRIDGE,
    rating_w=1_600,
    part=Part.MOTOR,
    on_w=129,
    off_min=46,
    on_min=12.9,
    ambient=4.0,
    disturbances=22,
    push=0.18,
    hours=_MEALS,
    surge_w=32,
    surge_tau_min=3.0,
    inrush_w=700,
    ripple_w=0.7,
)
FREEZER = ThermostaticLoad(
    # tracebase refrigerator_dev_d32131 (another compressor on a plug): 79 W after 90 W, runs 29 min, pauses 40 min,
    # 0.84 kWh a day, first second up to 1,510 W.
    name="freezer",
    kind=Kind.FREEZER,
    rating_w=1_600,
    part=Part.MOTOR,
    on_w=79,
    off_min=42,
    on_min=28,
    ambient=6.0,
    disturbances=7,
    push=0.2,
    hours=_MEALS,
    surge_w=11,
    surge_tau_min=5.0,
    inrush_w=900,
    ripple_w=0.8,
)
WATER_HEATER = ThermostaticLoad(
    # PCAD water_heater_1: 4,257 W, runs 5-7 min and now and then 15, pauses 66-137 min (25-75 %), 11 runs a day.
    name="water_heater",
    kind=Kind.WATER_HEATER,
    rating_w=4_600,
    part=Part.HEATER,
    on_w=4_257,
    off_min=210,
    on_min=5.4,
    ambient=5.0,
    disturbances=15,
    push=0.48,
    hours=(2, 1, 1, 1, 1, 1, 3, 7, 7, 5, 3, 3, 4, 3, 4, 4, 4, 4, 5, 5, 4, 4, 5, 4),
    surge_w=180,
    surge_tau_min=0.8,
    ripple_w=12,
)
TV = ProgrammeLoad(
    # tracebase tv_lcd_dev_d33097: 111 W with dark scenes far below (5 % under 91 W), 2.3 times a day, mostly evenings.
    name="tv",
    kind=Kind.TV,
    rating_w=150,
    phases=(Phase(Part.ELECTRONICS, 113.5, 118, 0.85, 420, ripple_w=1.2, swing_w=-4.5, surge_w=3, tau_min=10),),
    habit=Habit(
        "tv",
        runs=(0.04, 0.18, 0.3, 0.28, 0.15, 0.05),
        hours=(0.2, 0, 0, 0, 0, 0, 0.3, 0.5, 0.2, 0.2, 0.2, 0.5, 1.5, 0.7, 0.3, 0.4, 0.8, 2, 4, 6, 7, 4, 2, 0.7),
        weekend_runs=(0, 0.03, 0.1, 0.22, 0.3, 0.25, 0.1),
        weekend_hours=(0.5, 0.2, 0, 0, 0, 0, 0, 0.3, 0.8, 1, 1, 1, 1.5, 1, 1.5, 2, 3, 3, 4, 6, 6, 4, 2, 1),
    ),
    standby_w=0.4,
)
COMPUTER = ProgrammeLoad(
    # tracebase pc_desktop_dev_d337c9: 119 W (half between 107 and 158 W) after 157 W at start-up, 4 W asleep, 2.6 uses
    # a day of 97 min with a long tail, fewer at weekends.
    name="computer",
    kind=Kind.COMPUTER,
    rating_w=350,
    phases=(Phase(Part.ELECTRONICS, 111, 97, 1.1, 600, ripple_w=2.5, swing_w=14, surge_w=38, tau_min=2),),
    habit=Habit(
        "desk",
        runs=(0.03, 0.06, 0.15, 0.2, 0.2, 0.16, 0.12, 0.08),
        hours=(2, 1, 0.5, 0, 0, 0, 0, 1, 6, 16, 8, 9, 8, 5, 4, 6, 7, 5, 4, 4, 4, 4, 4, 4),
        weekend_runs=(0.1, 0.24, 0.24, 0.22, 0.12, 0.08),
        weekend_hours=(1, 1, 0.5, 0, 0, 0, 0, 0, 1, 2, 4, 5, 4, 5, 5, 3, 2, 2, 2, 2, 2, 3, 2, 1),
    ),
    standby_w=4.0,
    standby_ripple_w=0.3,
)
SCREEN = ProgrammeLoad(
    # tracebase monitor_tft_dev_99514c: 81 W (62-94 W), 2 W asleep, on when that computer is.
    name="screen",
    kind=Kind.SCREEN,
    rating_w=110,
    phases=(
        Phase(Part.ELECTRONICS, 77, 70, 1.1, 590, ripple_w=0.4, swing_w=0.8, surge_w=4, tau_min=30, watts_spread=0.12),
    ),
    habit=COMPUTER.habit,
    standby_w=2.0,
)
LAMP = ProgrammeLoad(
    # tracebase lamp_dev_c3e6d1: 39 W, once most evenings between 19 and 24 h, 114 min.
    name="lamp",
    kind=Kind.LAMP,
    rating_w=60,
    phases=(Phase(Part.ELECTRONICS, 39, 125, 0.5, 300, ripple_w=0.6),),
    habit=Habit(
        "lamp",
        runs=(0.12, 0.75, 0.13),
        hours=(0,) * 6 + (0.5, 0.3, 0, 0, 0, 0, 0, 0, 0, 0, 0.3, 1, 1.5, 3, 5, 6, 3, 1),
    ),
)
KETTLE = ProgrammeLoad(
    # tracebase waterkettle_dev_d33e1f: 2,612 W for 1.7 min (0.8-3.8), 4.3 times a day: 6 h, 11 h, the evening.
    name="kettle",
    kind=Kind.KETTLE,
    rating_w=2_800,
    phases=(Phase(Part.HEATER, 2_612, 1.7, 0.46, 6, ripple_w=6, surge_w=25, tau_min=0.5),),
    habit=Habit(
        "kettle",
        runs=(0.1, 1, 3.5, 8, 7, 5, 5.5, 3, 2, 1.5),
        hours=(1, 0.3, 0.2, 0.2, 0.2, 1, 18, 5, 3, 5, 9, 16, 8, 10, 9, 7, 3, 4, 9, 11, 15, 14, 4, 2),
        weekend_runs=(0.5, 2, 3, 6, 5, 2, 1),
        weekend_hours=(2, 0.5, 0, 0, 0, 0, 0.5, 1, 2, 2, 3, 5, 3, 5, 3, 3, 1.5, 2, 3, 6, 5, 7, 2, 1),
    ),
)
MICROWAVE = ProgrammeLoad(
    # tracebase microwaveoven_dev_995fcc: 1,440 W falling to 1,400 W, 2.3 min (0.5-4), 1.8 times a day, 1 W clock.
    name="microwave",
    kind=Kind.MICROWAVE,
    rating_w=1_500,
    phases=(Phase(Part.ELECTRONICS, 1_396, 2.3, 0.5, 8, ripple_w=6, surge_w=45, tau_min=1.5),),
    habit=Habit(
        "microwave",
        runs=(0.08, 0.36, 0.34, 0.17, 0.05),
        hours=(0.1, 0, 0, 0, 0, 0, 0.3, 0.7, 0.5, 0.3, 0.3, 1.2, 2.5, 2, 2, 3, 2, 1, 1.5, 1.5, 1, 1.5, 0.8, 0.2),
    ),
    standby_w=1.2,
)
COFFEE = ProgrammeLoad(
    # No trace: the name plate of a filter machine, 900 W while brewing, then a plate that holds 70 W for half an hour.
    name="coffee",
    kind=Kind.COFFEE,
    rating_w=1_000,
    phases=(
        Phase(Part.HEATER, 900, 6.5, 0.25, 12, ripple_w=4),
        Phase(Part.HEATER, 70, 30, 0.1, 45, ripple_w=3),
    ),
    habit=Habit(
        "coffee",
        runs=(0.06, 0.55, 0.32, 0.07),
        hours=(0, 0, 0, 0, 0, 0.5, 6, 7, 3, 1, 0.5, 0.3, 0.3, 0.8, 2, 3, 1, 0.2, 0, 0, 0, 0, 0, 0),
        weekend_hours=(0, 0, 0, 0, 0, 0, 0.3, 1, 4, 6, 4, 1, 0.3, 0.5, 2, 4, 2, 0.3, 0, 0, 0, 0, 0, 0),
    ),
    paced=0,
)
HEATER = ProgrammeLoad(
    # No trace: the name plate of a bathroom fan heater.
    name="heater",
    kind=Kind.HEATER,
    rating_w=2_200,
    phases=(Phase(Part.HEATER, 2_000, 18, 0.3, 45, ripple_w=5, surge_w=40, tau_min=0.5),),
    habit=Habit(
        "bath",
        runs=(0.08, 0.57, 0.3, 0.05),
        hours=(0, 0, 0, 0, 0, 1, 8, 8, 2, 0.3, 0, 0, 0, 0, 0, 0, 0, 0.5, 1, 1.5, 2, 3, 2, 0.3),
        weekend_hours=(0, 0, 0, 0, 0, 0, 0.5, 2, 5, 6, 4, 1, 0.3, 0, 0, 0, 0.3, 0.5, 1, 1.5, 2, 3, 2, 0.5),
    ),
)
_WASH = Phase(Part.MOTOR, 152, 4.6, 0.04, ripple_w=7, rest_w=148, watts_spread=0.13)
_SOAK = Phase(Part.MOTOR, 150, 3.0, 0.08, ripple_w=7, rest_w=146, watts_spread=0.13)
_HEAT = Phase(Part.HEATER, 2_000, 2.2, 0.12, ripple_w=30)
_DRAIN = Phase(Part.MOTOR, 13, 1.2, 0.05, ripple_w=1)
_RINSE = (
    Phase(Part.MOTOR, 143, 6.0, 0.03, ripple_w=6, rest_w=139, watts_spread=0.13),
    Phase(Part.MOTOR, 270, 1.8, 0.03, ripple_w=45),
    _DRAIN,
)
WASHER = ProgrammeLoad(
    # tracebase washingmachine_dev_d338c9: 103 min (101-108), 0.41 kWh: water at 11 W, tumbling at 135-200 W, heating in
    # bursts of 2,000 W, three rinses that spin up to 300 W, a last spin at 320-530 W.
    name="washer",
    kind=Kind.WASHER,
    rating_w=2_300,
    phases=(
        Phase(Part.ELECTRONICS, 11, 1.8, 0.1),
        Phase(Part.MOTOR, 148, 5.0, 0.15, ripple_w=8, rest_w=144, watts_spread=0.13),
        *(_HEAT, _SOAK) * 3,
        *(_WASH,) * 7,
        Phase(Part.MOTOR, 108, 8.0, 0.03, ripple_w=15, rest_w=80),
        *_RINSE * 3,
        Phase(Part.MOTOR, 143, 7.0, 0.03, ripple_w=6, rest_w=139, watts_spread=0.13),
        Phase(Part.MOTOR, 325, 3.0, 0.03, ripple_w=25),
        Phase(Part.MOTOR, 500, 2.2, 0.04, ripple_w=20),
        Phase(Part.ELECTRONICS, 14, 1.5, 0.3),
    ),
    habit=Habit(
        "laundry",
        runs=(0.4, 0.5, 0.1),
        hours=(0,) * 8 + (0.5, 2, 4, 3, 3, 3, 2, 2, 1, 3, 2, 2, 0.7, 0, 0, 0),
        weekend_runs=(0.2, 0.45, 0.35),
    ),
    paced=10,
)
DRYER = ProgrammeLoad(
    # No trace: the name plate of a vented dryer, a 2,050 W element that pauses under the thermostat, a 230 W drum;
    # it follows two washes in three.
    name="dryer",
    kind=Kind.DRYER,
    rating_w=2_600,
    phases=(
        Phase(Part.HEATER, 2_280, 38, 0.2, 70, ripple_w=15),
        *(Phase(Part.MOTOR, 230, 2.0, 0.15, ripple_w=12), Phase(Part.HEATER, 2_280, 3.5, 0.12, ripple_w=15)) * 4,
        Phase(Part.MOTOR, 230, 8, 0.03, ripple_w=12),
    ),
    habit=Habit(
        "laundry",
        runs=WASHER.habit.runs,
        hours=WASHER.habit.hours,
        weekend_runs=WASHER.habit.weekend_runs,
        share=0.66,
        delay_min=120,
    ),
    standby_w=0.6,
    paced=0,
)
_PUMP = Phase(Part.MOTOR, 139, 12, 0.08, ripple_w=0.8)
DISHWASHER = ProgrammeLoad(
    # tracebase dishwasher_dev_b81d04: 105 min with its drying, 1.2 kWh: circulating at 139 W, two heatings at 2,075 W
    # (20 and 11 min), drain at 13-60 W, 30 min of drying at 3 W with a fan at 9 W.
    name="dishwasher",
    kind=Kind.DISHWASHER,
    rating_w=2_300,
    phases=(
        Phase(Part.ELECTRONICS, 9, 1.2, 0.2),
        Phase(Part.MOTOR, 147, 3.0, 0.1, ripple_w=0.8),
        Phase(Part.HEATER, 2_075, 20, 0.09, ripple_w=4),
        _PUMP,
        _PUMP,
        Phase(Part.MOTOR, 45, 2.5, 0.15, ripple_w=15),
        Phase(Part.MOTOR, 134, 3.5, 0.15, ripple_w=2),
        Phase(Part.HEATER, 2_075, 10.8, 0.14, ripple_w=4),
        Phase(Part.ELECTRONICS, 3, 2.0, 0.1, ripple_w=0.3),
        Phase(Part.ELECTRONICS, 9, 4.0, 0.05, ripple_w=0.4),
        Phase(Part.ELECTRONICS, 3, 34.0, 0.02, ripple_w=0.4),
    ),
    habit=Habit(
        "dishes",
        runs=(0.15, 0.72, 0.13),
        hours=(2, 0, 0, 0, 0, 0, 0, 0, 0.3, 0.5, 1, 2, 1.5, 2, 1, 2.5, 2.5, 1, 1.5, 2, 2.5, 3, 3, 2.5),
    ),
    paced=2,
)
ROUTER = ContinuousLoad(
    # tracebase router_dev_b7df9d: 11 W day and night, 23 W at most.
    name="router",
    kind=Kind.ROUTER,
    rating_w=24,
    watts=11,
    ripple_w=0.12,
)
_UNMETERED: tuple[Appliance, ...] = (
    # UCI: what its sub-meters do not see is 118 W or more 99 % of the time, 350 W in the middle, 2.4 kW now and then.
    ContinuousLoad("base", Kind.UNKNOWN, 300, watts=95, ripple_w=2.0, swing_w=12, metered=False),
    ProgrammeLoad(
        name="lights",
        kind=Kind.LAMP,
        rating_w=300,
        phases=(Phase(Part.ELECTRONICS, 140, 170, 0.5, 420, ripple_w=1),),
        habit=Habit("lights", runs=(0, 0.5, 0.4, 0.1), hours=(0,) * 6 + (4, 3, *(0,) * 8, 2, 5, 6, 5, 4, 3, 2, 1)),
        metered=False,
    ),
    ProgrammeLoad(
        name="hob",
        kind=Kind.OVEN,
        rating_w=3_500,
        phases=(
            Phase(Part.HEATER, 1_800, 7, 0.3, ripple_w=5),
            *(Phase(Part.ELECTRONICS, 5, 0.6, 0.2), Phase(Part.HEATER, 1_800, 0.8, 0.3)) * 12,
        ),
        habit=Habit("cooking", runs=(0.15, 0.5, 0.35), hours=(0,) * 11 + (3, 5, 2, 0, 0, 0, 3, 6, 5, 1, 0, 0, 0)),
        paced=0,
        metered=False,
    ),
)


def default_home() -> tuple[Appliance, ...]:
    """Return fifteen appliances behind plugs, and three that only the main meter sees."""
    return (
        *(FRIDGE, FREEZER, WATER_HEATER, TV, COMPUTER, SCREEN, LAMP, KETTLE, MICROWAVE, COFFEE, HEATER),
        *(WASHER, DRYER, DISHWASHER, ROUTER),
        *_UNMETERED,
    )
