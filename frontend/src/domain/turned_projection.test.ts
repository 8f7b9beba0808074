import { expect, it } from 'vitest';
import { fromPicture, middleOf, projectTurned, sideOf, toPicture, turnOf } from './turned_projection';
import { projectMaximum } from './volume_projection';
import type { Vec3, Volume } from './volume';

const volume: Volume = {
  id: 'v', voxels: new Float32Array(8 * 8 * 3),
  header: {
    kind: 'spect', dimensions: [8, 8, 3], spacing_mm: [2, 2, 3], origin_lps_mm: [-7, -7, 10], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    dtype: 'float32', unit: 'Bq/mL', frame_of_reference_uid: '1', sha256: '',
  },
};
// Left (x rises to the left of the patient), in front (y rises to the back), in the top slice.
volume.voxels[6 + 8 * (2 + 8 * 2)] = 9;
const hot: Vec3 = [-7 + 2 * 6, -7 + 2 * 2, 16];

it('shows from the front what the plain projection shows', () => {
  const turned = projectTurned(volume, turnOf(volume.header, 0));
  const plain = projectMaximum(volume, 1);
  expect([...turned.values]).toEqual([...plain.values]);
  expect(turned.depth[6]).toBe(2);
});

it.each([0, 30, 90, 180, 270])('puts a hot voxel where the point is projected to, and finds it again at %i degrees', (degrees) => {
  const turn = turnOf(volume.header, degrees);
  const { values, depth, width } = projectTurned(volume, turn);
  const at = values.indexOf(9);
  const right = (at % width - middleOf(turn)) * turn.step;
  const place = toPicture(turn, hot);
  expect(Math.abs(right - place[0])).toBeLessThanOrEqual(turn.step);
  const back = fromPicture(turn, place, ((depth[at] ?? 0) - middleOf(turn)) * turn.step);
  for (const axis of [0, 1, 2] as const) expect(Math.abs(back[axis] - hot[axis])).toBeLessThanOrEqual(turn.step);
});

it('sees the left of the patient at the right from the front, and nearest from the left', () => {
  expect(toPicture(turnOf(volume.header, 0), hot)[0]).toBeCloseTo(5);
  expect(toPicture(turnOf(volume.header, 180), hot)[0]).toBeCloseTo(-5);
  const left = turnOf(volume.header, 90);
  const { depth, values } = projectTurned(volume, left);
  expect(depth[values.indexOf(9)] ?? 99).toBeLessThan(middleOf(left));
});

it('names the side that is seen', () => {
  expect([sideOf(0), sideOf(90), sideOf(-90), sideOf(180), sideOf(350)]).toEqual(['anterior', 'left lateral', 'right lateral', 'posterior', 'anterior']);
});
