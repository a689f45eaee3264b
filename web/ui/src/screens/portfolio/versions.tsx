import { useMemo } from 'react'
import { Link, useLocation } from 'wouter'
import type { Schemas } from '../../api/client'
import { useList } from '../../api/queries'
import { count, money, moneyMore } from '../../format'
import { actorName, usePeople } from '../../parts/names'
import { Time } from '../../parts/state'
import { Notice } from '../../parts/states'
import { Table, type Column } from '../../parts/table'
import { portfolioAt } from '../../url'

type Version = Schemas['PortfolioVersion']

/** Where a version of a portfolio is shown; the latest is where the portfolio is. */
export function versionAt(id: string, version: number, latest: number): string {
  return portfolioAt(id, version === latest ? undefined : version)
}

/** A difference in a count, with its sign, as moneyMore has that of money. */
export function countMore(n: number | undefined): string {
  return n === undefined || n === 0 ? count(n) : `${n > 0 ? '+' : '−'}${count(Math.abs(n))}`
}

/** What was imported into a portfolio, the latest first, and what each has more than the one before it, as the API says. */
export function Versions({ id, shown }: { id: string; shown: number }) {
  const [, navigate] = useLocation()
  const people = usePeople()
  const list = useList('/api/v1/portfolios/{id}/versions', { path: { id }, query: { limit: 100 } })
  const items = list.items as Version[]
  const latest = items[0]?.version ?? shown
  const columns = useMemo((): Column<Version>[] => [
    { id: 'version', header: 'Version', value: (v) => v.version },
    { id: 'imported', header: 'Imported (UTC)', value: (v) => v.imported, cell: (v) => <Time at={v.imported} bare /> },
    { id: 'by', header: 'By', value: (v) => actorName(v.by, people) },
    { id: 'locations', header: 'Locations', number: true, value: (v) => v.locations, cell: (v) => count(v.locations) },
    { id: 'more-locations', header: 'Change', number: true, value: (v) => v.change?.locations, cell: (v) => countMore(v.change?.locations) },
    { id: 'accounts', header: 'Accounts', number: true, hidden: true, value: (v) => v.accounts, cell: (v) => count(v.accounts) },
    { id: 'more-accounts', header: 'Change of accounts', number: true, hidden: true, value: (v) => v.change?.accounts, cell: (v) => countMore(v.change?.accounts) },
    { id: 'tiv', header: 'Insured value (USD)', number: true, value: (v) => v.tiv, cell: (v) => money(v.tiv) },
    { id: 'more-tiv', header: 'Change (USD)', number: true, value: (v) => v.change?.tiv, cell: (v) => moneyMore(v.change?.tiv) },
    { id: 'exposure', header: 'Exposure', value: (v) => (v.change ? (v.change.exposure ? 'another' : 'the same') : 'first import') },
    { id: 'name', header: 'Name', hidden: true, value: (v) => v.name },
    { id: 'digest', header: 'Digest', mono: true, hidden: true, value: (v) => v.digest },
  ], [people])
  if (items.length < 2) return null
  return (
    <section className="section">
      <Table caption="Versions" title="Versions" columns={columns} rows={items} rowKey={(v) => String(v.version)} chosen={String(shown)} href={(v) => versionAt(id, v.version, latest)} onOpen={(v) => navigate(versionAt(id, v.version, latest))} more={list.more} />
    </section>
  )
}

/** Says that what is shown is not the latest. */
export function Earlier({ id, shown }: { id: string; shown: number }) {
  return <Notice tone="warn"><strong>Version {count(shown)}, not the latest.</strong> It stays as it was imported, and so do the runs of it. <Link href={portfolioAt(id)}>The latest version</Link></Notice>
}
