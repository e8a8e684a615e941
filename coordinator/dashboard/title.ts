import { setAttribute } from "./dom.ts";

const ICON = "/assets/icon.svg";

/** The window's title and icon, which tell in a row of tabs how many monitors are down. */
export function createTitle() {
  const icon = document.querySelector('link[rel="icon"]') as HTMLLinkElement;
  let shown: string | null = null;
  let count = 0;

  function show(): void {
    const page = shown === null ? "Watchpost" : `${shown} · Watchpost`;
    const title = count === 0 ? page : `(${count} down) ${page}`;
    if (document.title !== title) document.title = title;
    setAttribute(icon, "href", count === 0 ? ICON : `/icon.svg?down=${count}`);
  }

  return {
    /** Which page it is; null for the overview. */
    page(name: string | null): void {
      shown = name;
      show();
    },
    down(monitors: number): void {
      count = monitors;
      show();
    },
  };
}
