/** Isodose lines of a pane as one SVG path per level, right in every plane and at every zoom. */
import type { PaneFrame } from '../domain/geometry';
import { isoSegments, joinSegments, pathText } from '../domain/isolines';
import type { Sampler } from '../domain/sampling';

export interface IsodoseLevel {
  /** In the unit of the voxels. */
  value: number;
  /** "5 Gy" */
  text: string;
  colour: string;
  dash: string;
}

const SAMPLES = 128;
const SVG = 'http://www.w3.org/2000/svg';

export class IsodoseLayer {
  readonly element = document.createElementNS(SVG, 'svg');
  private readonly grid = new Float32Array(SAMPLES * SAMPLES);

  constructor() {
    this.element.setAttribute('class', 'isodose');
    this.element.setAttribute('viewBox', `0 0 ${SAMPLES - 1} ${SAMPLES - 1}`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    this.element.setAttribute('aria-hidden', 'true');
  }

  draw(frame: PaneFrame, sample: Sampler, levels: readonly IsodoseLevel[], highlighted: number | null): void {
    this.fillGrid(frame, sample);
    while (this.element.childElementCount > levels.length) this.element.lastElementChild?.remove();
    levels.forEach((level, n) => {
      const path = this.element.children[n] ?? this.element.appendChild(document.createElementNS(SVG, 'path'));
      const isMain = level.value === highlighted;
      path.setAttribute('class', isMain ? 'iso main' : 'iso');
      path.setAttribute('stroke', level.colour);
      path.setAttribute('stroke-dasharray', level.dash);
      path.setAttribute('vector-effect', 'non-scaling-stroke');
      path.setAttribute('data-level', level.text);
      path.setAttribute('d', pathText(joinSegments(isoSegments(this.grid, SAMPLES, SAMPLES, level.value))));
    });
  }

  clear(): void {
    this.element.replaceChildren();
  }

  private fillGrid({ origin, right, down, width, height }: PaneFrame, sample: Sampler): void {
    const stepX = width / (SAMPLES - 1);
    const stepY = height / (SAMPLES - 1);
    for (let y = 0; y < SAMPLES; y += 1) {
      const py = y * stepY;
      for (let x = 0; x < SAMPLES; x += 1) {
        const px = x * stepX;
        this.grid[y * SAMPLES + x] = sample(
          origin[0] + right[0] * px + down[0] * py, origin[1] + right[1] * px + down[1] * py, origin[2] + right[2] * px + down[2] * py,
        );
      }
    }
  }
}
