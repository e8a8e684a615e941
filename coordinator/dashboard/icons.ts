const namespace = "http://www.w3.org/2000/svg";

/** Strokes in a box of 16 by 16. Verdicts differ in shape, so that none is told by colour alone. */
const strokes = {
  up: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM5 8.2l2.2 2.2L11.2 6",
  degraded: "M8 2L14.8 14H1.2zM8 6.5v3.2M8 11.9v.1",
  down: "M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2L1.5 10.8V5.2zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  unknown: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM6.2 6.3a1.9 1.9 0 1 1 2.6 1.8c-.6.3-.8.6-.8 1.2M8 11.6v.1",
  paused: "M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13zM6.4 5.8v4.4M9.6 5.8v4.4",
  maintenance: "M2 2h12v12H2zM5 8h6",
  error: "M2 8h12M8 2l6 6l-6 6l-6-6z",
  none: "M5.5 8h5",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  resume: "M4.5 3v10l8-5z",
  remove: "M2.5 4.5h11M6 4.5V2.5h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4",
  back: "M9.5 3.5L5 8l4.5 4.5",
} as const;

export type IconName = keyof typeof strokes;

/** A drawing of one path for each kind of thing in it, stretched to where it stands; it is said in words beside it. */
export function drawing(
  viewBox: string,
  name: string,
  parts: ReadonlyArray<{ readonly kind: string; readonly path: string }>,
): SVGSVGElement {
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", name);
  svg.setAttribute("aria-hidden", "true");
  for (const { kind, path } of parts) {
    const shape = document.createElementNS(namespace, "path");
    shape.setAttribute("class", kind);
    shape.setAttribute("d", path);
    svg.append(shape);
  }
  return svg;
}

/** An icon in the colour of the text around it; what it means is said in words beside it. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(namespace, "path");
  path.setAttribute("d", strokes[name]);
  svg.append(path);
  return svg;
}
