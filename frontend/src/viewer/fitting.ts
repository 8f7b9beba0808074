/** How large the patient is shown, and how a long pane follows the crosshair. */
import { PLANE_AXES, at, withAxis, type Axis, type Plane } from '../domain/geometry';
import type { Vec3 } from '../domain/volume';
import type { Box } from './scan';

const FIT_MARGIN = 1.03;
/** A long body is not shrunk to more than this many times the millimetres per pixel of the axial pane. */
const LONGEST_FIT = 1.5;
/** Share of a pane, at each edge, that the crosshair does not enter. */
const INSIDE = 0.06;

/** Millimetres per pixel at which the patient fits the pane, about alike in all planes. */
export function fitMmPerPixel(box: Box, plane: Plane, paneWidth: number, paneHeight: number): number {
  const { right, down } = PLANE_AXES[plane];
  const extent = (axis: Axis): number => Math.max(at(box.high, axis) - at(box.low, axis), 1);
  const [width, height] = [Math.max(paneWidth, 1), Math.max(paneHeight, 1)];
  const axial = Math.max(extent(0) / width, extent(1) / height);
  const whole = Math.max(extent(right) / width, extent(down) / height);
  return FIT_MARGIN * Math.min(Math.max(whole, axial), LONGEST_FIT * axial);
}

/** The shared centre, moved along a pane so that the crosshair stays in sight. */
export function heldCentre(view: { plane: Plane; centre: Vec3; cursor: Vec3; mmPerPixel: number; width: number; height: number }): Vec3 {
  const { right, down } = PLANE_AXES[view.plane];
  let { centre } = view;
  for (const [axis, pixels] of [[right, view.width], [down, view.height]] as const) {
    const reach = (0.5 - INSIDE) * pixels * view.mmPerPixel;
    const offset = at(view.cursor, axis) - at(centre, axis);
    if (Math.abs(offset) > reach) centre = withAxis(centre, axis, at(view.cursor, axis) - Math.sign(offset) * reach);
  }
  return centre;
}
