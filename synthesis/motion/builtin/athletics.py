"""Jump, squat, punch, kick: motions of the whole body with fast or deep phases."""

from __future__ import annotations

import numpy as np

from synthesis.motion import rig
from synthesis.motion.builtin.controls import SIGN, Controls, at_ease
from synthesis.motion.builtin.curves import bump, eased, periodic
from synthesis.motion.builtin.style import Style

_GRAVITY = 9.81


def jump(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Standing jumps, upwards or forward, one after the other."""
    c = at_ease(t, style)
    gravity = _GRAVITY / rig.reference().leg_length
    height = 0.26 * style.amplitude**2
    air = 2 * np.sqrt(2 * height / gravity)
    crouch, rise, absorb, recover = np.array([0.5, 0.24, 0.22, 0.55]) / style.tempo
    wait = rng.uniform(0.1, 0.5)
    period = crouch + rise + air + absorb + recover + wait
    distance = rng.uniform(-0.05, 0.7) * style.amplitude
    tuck = rng.uniform(0.0, 0.22)
    depth = 0.3 * style.amplitude
    take_off = crouch + rise
    land = take_off + air
    jumps, now = np.divmod(t + style.phase * period, period)
    jumps -= jumps[0]

    flight = np.linspace(0, air, 7)
    arc = flight * (air - flight) * gravity / 2
    times = [0, crouch, *(take_off + flight), land + absorb, land + absorb + recover, period]
    body = [0, -depth, *(0.06 + arc), -0.75 * depth, 0, 0]
    fold = [0, 1, *(0 * flight), 0.85, 0, 0]
    bent = eased(now, times, fold)
    airborne = (now - take_off) / air
    height_now = np.where((airborne > 0) & (airborne < 1), airborne * (1 - airborne) * air**2 * gravity / 2, 0.0)
    along = distance * (
        jumps + eased(now, (take_off - 0.5 * rise, take_off, land, land + 0.3 * absorb), (0, 0.12, 0.9, 1))
    )
    feet_along = distance * (jumps + np.clip(airborne, 0, 1))

    c.pelvis[:, 1] += eased(now, times, body)
    c.pelvis[:, 2] += along - 0.16 * bent
    c.pelvis_turn[:, 0] += np.radians(32) * bent
    c.spine[:, 0] += np.radians(22) * bent
    c.neck[:, 0] -= np.radians(30) * bent
    heel = eased(
        now, (crouch, take_off, take_off + 0.4 * air, land, land + 0.6 * absorb), np.radians((0, 55, 35, 18, 0))
    )
    arms = eased(
        now,
        (0, crouch, take_off, take_off + 0.5 * air, land + absorb, land + absorb + recover),
        np.radians((0, -48, 125, 140, 35, 0)),
    )
    for side in (0, 1):
        c.feet[:, side, 1] += height_now + tuck * bump(airborne)
        c.feet[:, side, 2] += feet_along
        c.foot_pitch[:, side] += heel
        c.arm_forward[:, side] += arms * style.arm_swing**0.5
        c.arm_out[:, side] += 0.12 * np.abs(arms) + 0.12 * bent
        c.elbow[:, side] += 0.35 * bent + 0.15 * np.abs(arms)
        c.knee_out[:, side] += 0.1 * bent
    return c


def squat(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Knee bends, half to deep, with the arms forward, on the hips or hanging."""
    c = at_ease(t, style)
    cycle = 2.7 / style.tempo
    down = periodic(t / cycle + style.phase, (0.0, 0.1, 0.42, 0.58, 0.9), (0, 0, 1, 1, 0))
    depth = 0.52 * style.amplitude
    width = rng.uniform(0.05, 0.16)
    c.pelvis[:, 1] -= depth * down
    c.pelvis[:, 2] -= 0.42 * depth * down
    c.pelvis_turn[:, 0] += np.radians(52) * depth * down
    c.spine[:, 0] += np.radians(30) * depth * down
    c.neck[:, 0] -= np.radians(50) * depth * down
    manner = ("forward", "hips", "hanging")[rng.integers(3)]
    for side in (0, 1):
        c.feet[:, side, 0] += SIGN[side] * width
        c.foot_yaw[:, side] += 1.2 * width
        c.knee_out[:, side] += 0.25 * down
        if manner == "forward":
            c.arm_forward[:, side] += np.radians(95) * down
            c.elbow[:, side] -= 0.5 * style.elbow * down
        elif manner == "hips":
            c.arm_out[:, side] = np.radians(50) + 0.2 * down
            c.arm_forward[:, side] = np.radians(-20)
            c.arm_twist[:, side] = np.radians(44)
            c.elbow[:, side] = np.radians(84)
            c.wrist[:, side] = -0.3
        else:
            c.arm_forward[:, side] += np.radians(60) * depth * down
            c.arm_out[:, side] += 0.32 * down
    return c


def _guard(c: Controls, style: Style, lead: int) -> None:
    """Boxer's stance: lead foot forward, knees soft, fists before the chin."""
    for side in (0, 1):
        front = 1.0 if side == lead else -1.0
        c.feet[:, side, 2] += 0.2 * front
        c.feet[:, side, 0] += SIGN[side] * 0.04
        c.foot_yaw[:, side] = np.radians(12 if side == lead else 38)
        c.foot_pitch[:, side] += 0.0 if side == lead else np.radians(14)
        c.arm_forward[:, side] = np.radians(48 if side == lead else 34)
        c.arm_out[:, side] = np.radians(16)
        c.arm_twist[:, side] = np.radians(28)
        c.elbow[:, side] = np.radians(118 if side == lead else 128)
        c.fingers[:, side] = 0.75
        c.wrist[:, side] = 0.0
    c.pelvis[:, 1] -= 0.06
    c.pelvis_turn[:, 1] -= SIGN[lead] * np.radians(22)
    c.neck[:, 1] += SIGN[lead] * np.radians(18)
    c.spine[:, 0] += 0.12


def punch(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Shadow boxing: straight punches and hooks from a guard, by both fists in a drawn order."""
    c = at_ease(t, style)
    lead = style.side
    _guard(c, style, lead)
    bounce = np.sin(2 * np.pi * (1.5 * style.tempo * t + style.phase))
    c.pelvis[:, 1] += 0.012 * bounce
    c.pelvis[:, 2] += 0.02 * np.sin(2 * np.pi * 0.6 * style.tempo * t)
    now, side, follows = -0.5 * style.phase, lead, False
    while now < t[-1]:
        # A fist that is still on its way back cannot strike again: a combination changes sides.
        side = 1 - side if follows else (lead if rng.random() < 0.6 else 1 - lead)
        hook = rng.random() < 0.3
        duration = rng.uniform(0.48, 0.6) / style.tempo
        x = (t - now) / duration
        out = eased(x, (0, 0.14, 0.46, 0.53, 1.0), (0, -0.08, 1, 1, 0))
        size = min(style.amplitude, 1.0)
        turn = -SIGN[side] * out * (0.25 if side == lead else 0.6)
        c.pelvis_turn[:, 1] += 0.6 * turn
        c.spine[:, 1] += turn
        c.neck[:, 1] -= 1.2 * turn
        c.pelvis[:, 2] += 0.05 * out
        if side != lead:
            # The rear fist has the weight behind it: hip forward, heel up, a little down.
            c.foot_pitch[:, side] += 0.35 * out
            c.pelvis[:, 2] += 0.05 * out
            c.pelvis[:, 1] -= 0.02 * out
        if hook:
            c.arm_out[:, side] += np.radians(50) * out * size
            c.arm_forward[:, side] += np.radians(32) * out
            c.elbow[:, side] -= np.radians(38) * out
            c.arm_twist[:, side] += np.radians(25) * out
        else:
            c.arm_forward[:, side] += np.radians(44 if side == lead else 58) * out
            c.arm_out[:, side] -= np.radians(18) * out
            c.elbow[:, side] -= np.radians(106) * out * size
            c.palm[:, side] += np.radians(50) * out
        follows = rng.random() < 0.4
        now += duration * (0.62 if follows else rng.uniform(1.1, 2.6))
    return c


def kick(t: np.ndarray, style: Style, rng: np.random.Generator) -> Controls:
    """Front kicks and swinging kicks of one leg, arms balancing."""
    c = at_ease(t, style)
    leg, other = style.side, 1 - style.side
    sign = SIGN[leg]
    snap = rng.random() < 0.5
    duration = (1.15 if snap else 1.35) / style.tempo
    period = duration + rng.uniform(0.5, 0.9)
    u = ((t + style.phase * period) % period) / duration
    size = 0.45 + 0.5 * style.amplitude
    c.feet[:, other, 0] -= SIGN[other] * 0.03
    if snap:
        path = [(0, 0), (0.1, -0.18), (0.42, 0.25), (0.62 * size, 1.03), (0.42, 0.3), (0.08, 0.0), (0, 0)]
        pitch = np.radians((0, 45, 30, -35 + 20, 25, 10, 0))
    else:
        path = [(0, 0), (0.28, -0.55), (0.1, 0.05), (0.55 * size, 1.03), (0.35, 0.55), (0.05, 0.05), (0, 0)]
        pitch = np.radians((0, 70, 20, -40, -20, 0, 0))
    keys = (0, 0.22, 0.38, 0.52, 0.68, 0.9, 1.0)
    way = eased(u, keys, path)
    raised = eased(u, (0, 0.25, 0.8, 1.0), (0, 1, 1, 0))
    strike = eased(u, (0.22, 0.5, 0.56, 0.9), (0, 1, 1, 0))
    wind_up = eased(u, (0, 0.22, 0.42), (0, 1, 0))
    c.feet[:, leg, 1] += way[:, 0]
    c.feet[:, leg, 2] += way[:, 1]
    c.feet[:, leg, 0] -= sign * 0.06 * raised
    c.foot_pitch[:, leg] += eased(u, keys, pitch)
    c.foot_yaw[:, leg] -= 0.6 * style.toe_out * raised
    c.pelvis[:, 0] += -sign * 0.075 * raised
    c.pelvis[:, 1] -= 0.035 * raised
    c.pelvis_turn[:, 0] += np.radians(14) * (wind_up * (not snap)) - np.radians(20) * strike
    c.pelvis_turn[:, 1] += sign * np.radians(12) * (wind_up - strike)
    c.spine[:, 0] += np.radians(24) * strike - 0.04 * wind_up
    c.spine[:, 1] -= sign * np.radians(16) * (wind_up - strike)
    c.neck[:, 0] += 0.12 * raised
    swing = style.arm_swing**0.5
    c.arm_forward[:, other] += np.radians(50) * swing * (strike - 0.4 * wind_up)
    c.arm_forward[:, leg] += np.radians(40) * swing * (0.5 * wind_up - strike)
    for side in (0, 1):
        c.arm_out[:, side] += np.radians(28) * raised * swing
        c.elbow[:, side] += np.radians(25) * raised
    if snap:
        c.elbow += np.radians(45) * raised[:, None]
        c.arm_forward += np.radians(25) * raised[:, None]
    return c
