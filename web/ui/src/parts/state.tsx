import type { ReactNode } from 'react'
import type { RunState } from '../api/client'
import { local, time as utc } from '../format'

const runs = { queued: ['◔', 'Queued', 'muted'], running: ['◑', 'Running', 'accent'], done: ['●', 'Done', 'ok'], failed: ['△', 'Failed', 'error'], cancelled: ['—', 'Cancelled', 'muted'] } as const
const approvals = { requested: ['◇', 'In review', 'accent'], approved: ['◆', 'Approved', 'ok'], rejected: ['✕', 'Rejected', 'error'], withdrawn: ['—', 'Withdrawn', 'muted'], void: ['—', 'Void', 'muted'] } as const

/** A state in shape, word and colour. */
export function Tag({ mark, tone, children }: { mark: string; tone: string; children: ReactNode }) {
  return <span className={`tag ${tone}`}><span aria-hidden="true">{mark}</span> {children}</span>
}

export function RunTag({ state }: { state: RunState }) {
  const [mark, word, tone] = runs[state]
  return <Tag mark={mark} tone={tone}>{word}</Tag>
}

export function ApprovalTag({ decision }: { decision: keyof typeof approvals }) {
  const [mark, word, tone] = approvals[decision]
  return <Tag mark={mark} tone={tone}>{word}</Tag>
}

/** A moment in UTC; the reader's own time is in its title. `bare` is without the word UTC, in a column whose heading has it. */
export function Time({ at, show, bare }: { at: string | undefined; show?: string; bare?: boolean }) {
  if (!at) return <>—</>
  return <time dateTime={at} title={local(at)}>{show ?? (bare ? utc(at).replace(/ UTC$/, '') : utc(at))}</time>
}

/** Facts of something, name by name. */
export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return <dl className="facts">{of.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
}
