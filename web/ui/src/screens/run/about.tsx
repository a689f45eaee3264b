import { useMemo } from 'react'
import { Link } from 'wouter'
import type { Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { clock, count, date } from '../../format'
import { actorName, ObjectName, Person, useObjects, usePeople } from '../../parts/names'
import { ApprovalTag, Facts, Tag, Time } from '../../parts/state'
import { CopyText, Ready } from '../../parts/states'
import { runAgainAt } from '../../url'
import { kindWord } from '../ledger/lineage'
import { Calls, tableTitle } from './downloads'
import { settingNames, settingValue } from './words'

type Run = Schemas['Run']

/** What a run was asked to do, what its result came from, and what became of it. */
export default function About({ run, part }: { run: Run; part: 'settings' | 'lineage' | 'timeline' }) {
  if (part === 'settings') return <Settings run={run} />
  if (part === 'lineage') return <Lineage run={run} />
  return <Timeline run={run} />
}

function Settings({ run }: { run: Run }) {
  const settings = useGet('/api/v1/runs/{id}/settings', { path: { id: run.id } }, { staleTime: Infinity })
  const command = `qrsd run --location location.csv --account account.csv --years ${run.spec.years} --samples ${run.spec.samples} --seed ${run.spec.seed}`
  return (
    <Ready of={settings}>{(s) => (
      <section className="section">
        <div className="scroll" tabIndex={0} role="region" aria-label="Settings">
          <table className="settings">
            <caption className="unseen">Settings</caption>
            <thead><tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">Default</th></tr></thead>
            <tbody>{(s.settings as Schemas['Setting'][]).map((one) => (
              <tr key={one.name}>
                <td className="setting"><strong>{settingNames[one.name] ?? one.name}</strong> <code className="muted">{one.name}</code><p className="hint">{one.meaning}</p></td>
                <td className="value">{settingValue(one.name, one.value)}</td><td>{one.default ? 'yes' : <Tag mark="◆" tone="accent">changed</Tag>}</td>
              </tr>
            ))}</tbody>
          </table>
        </div>
        <p><Link className="button" href={runAgainAt(run)}>New run with these settings</Link></p>
        <Calls path={`/api/v1/runs/${run.id}/settings`} command={command} />
      </section>
    )}</Ready>
  )
}

interface Leaf { sequence: number; leaf: string; lineage: { kind: string; subject: string; time: string; actor: string; note: string; digests?: Record<string, string> } }

function digests(n: number): string {
  return n === 1 ? '1 digest' : `${n} digests`
}

/** The leaves of the ledger about this run: each names the digests that took part. */
function Lineage({ run }: { run: Run }) {
  const may = useMay()
  const people = usePeople()
  const objects = useObjects()
  const leaves = useGet('/api/v1/ledger/entries', { query: { about: run.id, limit: 200 } }, { enabled: may('ledger.read') })
  const tables = useGet('/api/v1/runs/{id}/tables', { path: { id: run.id } }, { staleTime: Infinity })
  return (
    <>
      <section className="section"><h2>Inputs</h2>
        <div className="panel"><Facts of={[
          ['Portfolio', <span key="p"><ObjectName id={run.portfolio} version={run.portfolio_version} objects={objects} />, version {count(run.portfolio_version)}</span>],
          ['Digest of the portfolio', <CopyText key="pd" text={run.portfolio_digest} />],
          ['Model', <span key="m"><CopyText text={run.model} />{may('model.read') ? <> · <a href={`/models/${run.model}`}>model card</a></> : null}</span>],
          ['Seed', run.spec.seed],
        ]} /></div>
      </section>
      <section className="section"><h2>In the ledger</h2>
        {may('ledger.read') ? <Ready of={leaves}>{(l) => (
          <ol className="leaves">{(l.items as unknown as Leaf[]).map((leaf) => (
            <li key={leaf.sequence}>
              <p><strong>{kindWord(leaf.lineage.kind)}</strong> · leaf {leaf.sequence} · <Time at={leaf.lineage.time} /> · {actorName(leaf.lineage.actor, people)}{leaf.lineage.note ? <span className="muted"> · {leaf.lineage.note}</span> : null}</p>
              <details><summary>{digests(Object.keys(leaf.lineage.digests ?? {}).length)}</summary><Facts of={[['Leaf', <CopyText key="l" text={leaf.leaf} />], ...Object.entries(leaf.lineage.digests ?? {}).map(([name, digest]) => [name, <CopyText key={name} text={digest} />] as const)]} /></details>
            </li>
          ))}</ol>
        )}</Ready> : <p>Your role does not read the ledger.</p>}
      </section>
      <section className="section"><h2>Tables of the result</h2>
        <p className="muted">The seal names these digests. They are of the numbers, not of the file: the same numbers in another format have the same digest.</p>
        <Ready of={tables}>{(t) => (
          <div className="scroll" tabIndex={0} role="region" aria-label="Digests of the tables">
            <table>
              <caption className="unseen">Digests of the tables</caption>
              <thead><tr><th scope="col">Table</th><th scope="col" className="spare">File</th><th scope="col">Digest</th></tr></thead>
              <tbody>{(t.tables as Schemas['ResultTable'][]).map((table) => <tr key={table.name}><td>{tableTitle(table.name)}</td><td className="spare"><code>{table.name}</code></td><td><CopyText text={table.digest} /></td></tr>)}</tbody>
            </table>
          </div>
        )}</Ready>
      </section>
    </>
  )
}

function Timeline({ run }: { run: Run }) {
  const may = useMay()
  const people = usePeople()
  const seal = useGet('/api/v1/runs/{id}/seal', { path: { id: run.id } }, { enabled: run.seal === 'sealed', gcTime: 60_000, refetchOnWindowFocus: false }).data
  const requests = useGet('/api/v1/approvals', { query: { limit: 1000 } }, { enabled: may('approval.read') }).data
  const events = useMemo(() => {
    const all: { at: string; what: React.ReactNode }[] = [{ at: run.submitted, what: <>Submitted by <Person id={run.by} people={people} /></> }]
    if (run.started) all.push({ at: run.started, what: run.starts > 1 ? `Started, for the ${run.starts}th time` : 'Started' })
    if (run.ended) all.push({ at: run.ended, what: 'Done' })
    if (seal) all.push({ at: seal.made, what: 'Sealed' })
    for (const a of (requests?.items ?? []).filter((r) => r.object === run.id)) {
      all.push({ at: a.at, what: <>Approval requested by <Person id={a.by} people={people} />{a.note ? <span className="muted"> · {a.note}</span> : null} · <Link href={`/approvals/${a.id}`}>request</Link></> })
      if (a.decided) all.push({ at: a.decided, what: <><ApprovalTag decision={a.decision} /> by <Person id={a.decider} people={people} />{a.reason ? <span className="muted"> · {a.reason}</span> : null}</> })
    }
    return all.sort((x, y) => x.at.localeCompare(y.at))
  }, [run, seal, requests, people])
  return <section className="section"><h2 className="unseen">Timeline</h2><ol className="timeline">{events.map((e, i) => <li key={i}><Time at={e.at} show={`${date(e.at)}, ${clock(e.at)}`} /><span>{e.what}</span></li>)}</ol></section>
}
