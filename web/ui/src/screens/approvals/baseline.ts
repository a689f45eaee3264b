// Which approved runs a run can be held to, and whether a thing is still what was asked about.

interface Asked { id: string; kind: string; object: string; decision: string; decided?: string }
interface RunOf { id: string; portfolio: string }

/** Approved runs other than the one asked about: those of the same portfolio first, each group with the latest decision first. */
export function candidates(asked: Asked, approvals: readonly Asked[], runs: readonly RunOf[]): string[] {
  const portfolioOf = new Map(runs.map((r) => [r.id, r.portfolio]))
  const own = portfolioOf.get(asked.object)
  const approved = approvals.filter((a) => a.kind === 'run' && a.decision === 'approved' && a.object !== asked.object && portfolioOf.has(a.object))
    .sort((x, y) => (y.decided ?? '').localeCompare(x.decided ?? ''))
  const same = (a: Asked) => Number(portfolioOf.get(a.object) === own)
  return [...new Set(approved.sort((x, y) => same(y) - same(x)).map((a) => a.object))]
}

/** Whether an object is still what a request was about, as the last request about it says: its own, or a later one about the same content. */
export function asAsked(asked: { digest: string }, last: { approval: { digest: string }; current: boolean }): boolean {
  return last.current && last.approval.digest === asked.digest
}
