import { diamond, type EpLine } from './ep'

/** What the lines and marks of a chart are: the same looks, in words. */
export function Legend({ lines, mark }: { lines: readonly { name: string; look: EpLine['look'] }[]; mark?: string }) {
  return (
    <ul className="legend">
      {lines.map((l) => <li key={l.name}><svg aria-hidden="true" viewBox="0 0 22 12"><path className={`curve ${l.look}`} d="M0 6H22" /></svg>{l.name}</li>)}
      {mark ? <li><svg aria-hidden="true" viewBox="-11 0 22 12"><g className="mark"><path d={diamond(6)} /></g></svg>{mark}</li> : null}
    </ul>
  )
}
