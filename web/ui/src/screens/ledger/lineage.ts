// What a leaf of the ledger says, in words.

export interface Lineage { kind: string; subject: string; actor: string; note: string; time: string; digests: Record<string, string> }

const words: Record<string, string> = {
  'exposure-imported': 'Exposure imported', 'model-registered': 'Model registered', spec: 'Run submitted', 'parameter-change': 'Run described anew', 'run-started': 'Run started',
  output: 'Results recorded', estimate: 'Quantum estimate recorded', 'hardware-job': 'Quantum hardware job', approval: 'Approval', seal: 'Sealed',
}

export function kindWord(kind: string): string {
  return words[kind] ?? kind
}

export const kinds = Object.keys(words)
