// The steps of a verification, in the order that a reader asks for them, with the algorithm behind each group.
import type { Step } from './tree'

export interface Group { title: string; algorithm: string; steps: Step[]; broken: number }

const groups: readonly { title: string; algorithm: string; names: readonly string[] }[] = [
  { title: 'Signature', algorithm: 'ECDSA P-256 over SHA-256, DSSE envelope', names: ['envelope', 'signing key', 'signature', 'key in force'] },
  { title: 'Statement', algorithm: 'in-toto statement v1, SHA-256 of its parts', names: ['statement', 'build', 'spec', 'seed', 'estimate'] },
  { title: 'Ledger entry', algorithm: 'SHA-256 over canonical JSON (RFC 8785)', names: ['ledger entry', "entry's kind", "entry's run", "entry's time", 'tables in the ledger', 'leaf header', 'commitment', 'leaf', 'leaf index'] },
  { title: 'Inclusion', algorithm: 'Merkle tree, SHA-256 (RFC 6962)', names: ['inclusion proof'] },
  { title: 'Checkpoint', algorithm: 'Ed25519 signed note (C2SP)', names: ['checkpoint', "checkpoint's log", "checkpoint's size", "checkpoint's root", 'checkpoint key in force', 'times'] },
]

/** Sorts the steps of a seal into groups. A step that no group knows has one of its own: none is left out. */
export function grouped(steps: readonly Step[]): Group[] {
  const found = new Map<string, Group>()
  const put = (title: string, algorithm: string, step: Step) => {
    const group = found.get(title) ?? { title, algorithm, steps: [], broken: 0 }
    group.steps.push(step)
    if (!step.ok) group.broken++
    found.set(title, group)
  }
  for (const step of steps) {
    const group = groups.find((g) => g.names.includes(step.name))
    if (group) put(group.title, group.algorithm, step)
    else if (/^files? /.test(step.name)) put('Files of the result', 'SHA-256 of the bytes as they are now', step)
    else put('Further steps', '', step)
  }
  const order = [...groups.map((g) => g.title), 'Files of the result', 'Further steps']
  return [...found.values()].sort((a, b) => order.indexOf(a.title) - order.indexOf(b.title))
}
