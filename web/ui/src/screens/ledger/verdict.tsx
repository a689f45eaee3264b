// What a verification found, step by step: what was found, what should be, by which algorithm, and when it was checked.
import { useState, type ReactNode } from 'react'
import { ago, clock, count } from '../../format'
import { grouped, type Group } from './steps'
import type { Step } from './tree'

/** The line on top: whole or broken, and when that was found. It is always of this moment's reading; nothing says "verified" from memory. */
export function Finding({ valid, text, at, children }: { valid: boolean; text: ReactNode; at: number; children?: ReactNode }) {
  const when = new Date(at)
  return (
    <div className={valid ? 'finding whole' : 'finding broken'} role="status">
      <p className="finding-word"><span aria-hidden="true">{valid ? '✓' : '✕'}</span> {text}</p>
      <p className="finding-time">Checked {clock(when)}, <time dateTime={when.toISOString()}>{ago(when)}</time></p>
      {children}
    </div>
  )
}

/** Which steps do not hold, and why, before all that do. */
export function Why({ broken }: { broken: readonly Step[] }) {
  if (broken.length === 0) return null
  return <ul className="why">{broken.slice(0, 5).map((s, i) => <li key={`${i} ${s.name}`}><strong>{s.name}</strong>{s.reason ? `: ${s.reason}` : ''}</li>)}{broken.length > 5 ? <li>and {count(broken.length - 5)} more, below</li> : null}</ul>
}

/** All steps of a seal in their groups. Short groups are open, or of a broken seal those alone that have a broken step. */
export function SealSteps({ steps }: { steps: readonly Step[] }) {
  const [all, setAll] = useState(false)
  const broken = steps.some((s) => !s.ok)
  return (
    <section className="section">
      <div className="section-head"><h2>{count(steps.length)} steps</h2><label className="inline"><input type="checkbox" checked={all} onChange={(e) => setAll(e.target.checked)} /> Open every group</label></div>
      {grouped(steps).map((g, i) => <GroupOf key={`${g.title} ${all} ${broken}`} group={g} number={i + 1} open={all || (broken ? g.broken > 0 : g.steps.length <= 8)} />)}
    </section>
  )
}

function GroupOf({ group, number, open }: { group: Group; number: number; open: boolean }) {
  return (
    <details className="panel steps" open={open}>
      <summary><span className={group.broken ? 'tag error' : 'tag ok'}><span aria-hidden="true">{group.broken ? '✕' : '✓'}</span><span className="unseen">{group.broken ? 'Broken' : 'Holds'}</span></span> <strong>{number} {group.title}</strong> <span className="muted">{group.broken ? `${group.broken} of ${group.steps.length} broken` : `${group.steps.length} of ${group.steps.length}`}{group.algorithm ? ` · ${group.algorithm}` : ''}</span></summary>
      <StepTable caption={group.title} steps={group.steps} />
    </details>
  )
}

export function StepTable({ caption, steps }: { caption: string; steps: readonly Step[] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`Steps: ${caption}`}>
      <table className="step-table">
        <caption className="unseen">{caption}</caption>
        <thead><tr><th scope="col">Step</th><th scope="col">Found, and what should be</th></tr></thead>
        <tbody>{steps.map((s, i) => <StepRow key={`${i} ${s.name}`} step={s} />)}</tbody>
      </table>
    </div>
  )
}

function StepRow({ step: s }: { step: Step }) {
  const same = s.want !== undefined && s.got === s.want
  return (
    <tr className={s.ok ? undefined : 'broken'}>
      <th scope="row"><span className={s.ok ? 'tag ok' : 'tag error'}><span aria-hidden="true">{s.ok ? '✓' : '✕'}</span><span className="unseen">{s.ok ? 'Holds:' : 'Broken:'}</span></span> {s.name}</th>
      <td>
        {s.got ? <div className="value"><span className="muted">found</span> <code>{s.got}</code></div> : null}
        {s.want ? <div className="value"><span className="muted">{same ? 'equals' : s.ok ? 'wanted' : 'should be'}</span> <code>{s.want}</code></div> : null}
        {s.reason ? <div className={s.ok ? 'muted' : 'fault'}>{s.reason}</div> : null}
      </td>
    </tr>
  )
}
