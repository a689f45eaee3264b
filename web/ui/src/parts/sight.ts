/** Brings the place where the reader is into sight, in a navigation that is a row that scrolls on a narrow screen. */
export function currentInSight(nav: HTMLElement | null) {
  const here = nav?.querySelector<HTMLElement>('[aria-current]')
  if (nav && here) nav.scrollLeft += here.getBoundingClientRect().left - nav.getBoundingClientRect().left - (nav.clientWidth - here.offsetWidth) / 2
}
