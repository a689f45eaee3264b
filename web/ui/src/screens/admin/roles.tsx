// The permission table: what each role may do.
import { useMemo } from 'react'
import type { Schemas } from '../../api/client'
import { useGet, useMe } from '../../api/queries'
import { Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'

interface Line { verb: string; of: ReadonlySet<string> }

export function Roles() {
  const roles = useGet('/api/v1/roles', {}, { staleTime: Infinity })
  const me = useMe().data
  const all = useMemo(() => (roles.data?.items ?? []) as Schemas['Role'][], [roles.data])
  const lines = useMemo(() => tableOf(all), [all])
  const columns = useMemo((): Column<Line>[] => [
    { id: 'verb', header: 'Verb', mono: true, value: (l) => l.verb },
    ...all.map((r): Column<Line> => ({ id: r.name, header: r.name === me?.role ? `${r.name} (you)` : r.name, value: (l) => (l.of.has(r.name) ? 'yes' : ''), cell: (l) => (l.of.has(r.name) ? <span className="tag ok"><span aria-hidden="true">✓</span><span className="unseen">yes</span></span> : <span className="muted" aria-label="no">·</span>) })),
  ], [all, me])
  return (
    <section className="section">
      <p className="muted">Everything that can be asked of the appliance needs one of these verbs. Roles are fixed: they are part of what was reviewed. “worker” is the appliance itself at work for a tenant.</p>
      <Ready of={roles}>{() => <Table caption="The permission table" columns={columns} rows={lines} rowKey={(l) => l.verb} filter keys height={620} tall />}</Ready>
    </section>
  )
}

/** The table by verbs, in the order that the API has them in. */
export function tableOf(roles: readonly { name: string; verbs: readonly string[] }[]): Line[] {
  const lines = new Map<string, Set<string>>()
  for (const r of roles) for (const v of r.verbs) {
    const of = lines.get(v) ?? new Set()
    lines.set(v, of.add(r.name))
  }
  return [...lines].map(([verb, of]) => ({ verb, of })).sort((a, b) => a.verb.localeCompare(b.verb))
}
