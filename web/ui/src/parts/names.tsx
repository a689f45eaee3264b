// Who and what stands behind an id, for reading: people, runs, portfolios by their names. The id itself is in the title.
import { useMemo } from 'react'
import { Link } from 'wouter'
import type { Schemas } from '../api/client'
import { useGet, useMay } from '../api/queries'
import { brief } from '../format'
import { portfolioAt } from '../url'

const nobody = '00000000000000000000000000000000'

/** Names of the people of the tenant, by id. Empty for operators, who see no tenant. */
export function usePeople(): ReadonlyMap<string, { name: string; role: string }> {
  const may = useMay()
  const people = useGet('/api/v1/people', { query: { limit: 1000 } }, { enabled: may('tenant.read'), staleTime: 60_000 }).data
  return useMemo(() => new Map(((people?.items ?? []) as Schemas['Colleague'][]).map((p) => [p.id, { name: p.name, role: p.role }])), [people])
}

/** What an actor is called: a colleague by name, the appliance, an operator; "" is nobody. */
export function actorName(id: string | undefined, people: ReadonlyMap<string, { name: string }>): string {
  switch (id) {
    case undefined: case '': return 'nobody'
    case 'qrsd': case nobody: return 'the appliance'
    case 'operator': return 'an operator'
    default: return people.get(id)?.name ?? brief(id)
  }
}

export function Person({ id, people }: { id: string | undefined; people: ReadonlyMap<string, { name: string }> }) {
  return <span title={id}>{actorName(id, people)}</span>
}

/** What a run is called: its name, or that it has none. */
export function runName(r: { id: string; name?: string }): string {
  return r.name ?? `Run ${brief(r.id, 12)}`
}

/** Names and addresses of runs and portfolios, by id. */
export function useObjects(): ReadonlyMap<string, { name: string; to: string }> {
  const may = useMay()
  const runs = useGet('/api/v1/runs', { query: { limit: 1000 } }, { enabled: may('run.read') }).data
  const portfolios = useGet('/api/v1/portfolios', { query: { limit: 1000 } }, { enabled: may('portfolio.read') }).data
  return useMemo(() => new Map<string, { name: string; to: string }>([
    ...(runs?.items ?? []).map((r) => [r.id, { name: runName(r), to: `/runs/${r.id}` }] as const),
    ...(portfolios?.items ?? []).map((p) => [p.id, { name: p.name, to: portfolioAt(p.id) }] as const),
  ]), [runs, portfolios])
}

/** A run or portfolio as a link, a portfolio in one version of it where that is named; anything else as the beginning of its id. */
export function ObjectName({ id, version, objects }: { id: string | undefined; version?: number | undefined; objects: ReadonlyMap<string, { name: string; to: string }> }) {
  if (!id) return <>—</>
  const found = objects.get(id)
  return found ? <Link href={version ? portfolioAt(id, version) : found.to} title={id}>{found.name}</Link> : <code title={id}>{brief(id, 12)}</code>
}
