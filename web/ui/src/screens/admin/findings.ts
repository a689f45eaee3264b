// What the doctor says, in shapes and words.
import type { Schemas } from '../../api/client'

type State = Schemas['Finding']['state']

export const states: Record<State, { mark: string; word: string; many: string; tone: string }> = {
  failure: { mark: '✕', word: 'Failure', many: 'failed', tone: 'error' },
  warning: { mark: '!', word: 'Warning', many: 'with a warning', tone: 'warn' },
  unknown: { mark: '○', word: 'Unknown', many: 'could not be looked at', tone: 'muted' },
  ok: { mark: '✓', word: 'In order', many: 'in order', tone: 'ok' },
}

/** How many lines are in each state, the worst first; states without a line are left out. */
export function found(findings: readonly { state: State }[]): readonly (readonly [State, number])[] {
  return (Object.keys(states) as State[]).map((s) => [s, findings.filter((f) => f.state === s).length] as const).filter(([, n]) => n > 0)
}

/** The examination in one sentence, with its tone. */
export function verdict(worst: Schemas['Doctor']['worst']): { tone: 'ok' | 'warn' | 'error'; text: string } {
  if (worst === 'failure') return { tone: 'error', text: 'Something has failed.' }
  if (worst === 'warning') return { tone: 'warn', text: 'It works, with warnings.' }
  return { tone: 'ok', text: 'In order.' }
}
