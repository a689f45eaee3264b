// Ledger and seals: verify what somebody holds, and read the lineage of runs with its proofs.
import { useQuery } from '@tanstack/react-query'
import { useRef, useState, type DragEvent } from 'react'
import { ApiError, problemOf, type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { Head } from '../../parts/frame'
import { Failure, Loading, Notice } from '../../parts/states'
import { ObjectName, useObjects } from '../../parts/names'
import { Facts, Time } from '../../parts/state'
import { CopyText, copy } from '../../parts/states'
import { useUrlState } from '../../url'
import { Entries } from './entries'
import { LedgerHead } from './head'
import { readPasted } from './pasted'
import { Releases } from './releases'
import { Finding, SealSteps, Why } from './verdict'
import './ledger.css'

interface Given { text: string; name: string; at: number }

export default function Ledger() {
  const [find, setFind] = useUrlState('find')
  const [given, setGiven] = useState<Given>()
  const take = (text: string, name = '') => {
    const read = readPasted(text)
    if (read.kind === 'seal') { setGiven({ text, name, at: Date.now() }); setFind('') }
    else { setGiven(undefined); setFind(read.kind === 'id' ? read.id : read.kind === 'hash' ? read.hash : text.trim().slice(0, 200)) }
  }
  return (
    <div className="screen">
      <Head title="Ledger & seals" about="Every verdict here is computed when you ask for it, from the bytes as they are. None is kept." />
      <Box key={`box ${find}`} initial={find} onTake={take} />
      {given ? <OfFile key={`file ${given.at}`} given={given} /> : find ? <Found key={`found ${find}`} text={find} /> : null}
      <LedgerHead />
      <Entries find={given ? '' : find} />
      <Releases />
    </div>
  )
}

/** Where a seal, id or hash is pasted, or a file is dropped. */
function Box({ initial, onTake }: { initial: string; onTake: (text: string, name?: string) => void }) {
  const [text, setText] = useState(initial)
  const [over, setOver] = useState(false)
  const file = useRef<HTMLInputElement>(null)
  const read = async (f: File | undefined) => {
    if (!f) return
    if (f.size > 4_000_000) { onTake(`${f.name}: ${f.size} bytes is larger than any seal`); return }
    onTake(await f.text(), f.name)
  }
  const drop = (e: DragEvent) => {
    e.preventDefault()
    setOver(false)
    void read(e.dataTransfer.files[0])
  }
  return (
    <form className={over ? 'verify panel over' : 'verify panel'} onSubmit={(e) => { e.preventDefault(); onTake(text) }} onDragOver={(e) => { e.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={drop}>
      <label htmlFor="verify-text"><strong>Verify</strong> <span className="muted">a seal, the id of a run, or a hash. A seal's file can be dropped here.</span></label>
      <div className="verify-row">
        <textarea id="verify-text" name="find" rows={text.length > 120 ? 5 : 1} value={text} spellCheck={false} autoComplete="off" onChange={(e) => setText(e.target.value)} className="mono"
          placeholder="01a201f5420e700185de644e99b602af" onKeyDown={(e) => { if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); onTake(e.currentTarget.value) } }} />
        <button type="submit" className="primary">Verify</button>
        <button type="button" onClick={() => file.current?.click()}>Choose a file …</button>
        <input ref={file} type="file" hidden accept=".json,application/json,.txt" aria-label="File of a seal" onChange={(e) => { void read(e.target.files?.[0]); e.target.value = '' }} />
      </div>
    </form>
  )
}

/** What an id or hash leads to: a run's seal, verified now; or leaves of the ledger, in the list below. */
function Found({ text }: { text: string }) {
  const read = readPasted(text)
  if (read.kind === 'unknown') return <Notice tone="warn">{read.reason}</Notice>
  if (read.kind === 'id') return <OfRun run={read.id} />
  if (read.kind === 'hash') return <OfHash hash={read.hash} />
  return null
}

function OfHash({ hash }: { hash: string }) {
  const found = useGet('/api/v1/ledger/entries', { query: { about: hash, limit: 100 } })
  if (found.error) return <Failure error={found.error} />
  if (!found.data) return <Loading rows={3} />
  const entries = found.data.items as Schemas['LedgerEntry'][]
  if (entries.length === 0) return <Notice tone="warn"><strong>The ledger does not name this hash.</strong> It is no leaf of it, and no leaf speaks of content with this digest. Of a file, the digest is that of its bytes only for the manifest, the build and the estimate; tables are named by the digest of their values.</Notice>
  const runs = [...new Set(entries.filter((e) => ['seal', 'output', 'estimate'].includes(String(e.lineage.kind))).map((e) => String(e.lineage.subject)))]
  return (
    <>
      <Notice tone="ok"><strong>{entries.length === 1 ? 'One leaf of the ledger names it' : `${entries.length} leaves of the ledger name it`}</strong>: {entries.length === 1 ? 'it is' : 'they are'} listed below, each with its proof.</Notice>
      {runs.map((run) => <OfRun key={run} run={run} />)}
    </>
  )
}

function OfRun({ run }: { run: string }) {
  const objects = useObjects()
  const seal = useGet('/api/v1/runs/{id}/seal', { path: { id: run } }, { staleTime: 0, gcTime: 0, refetchOnWindowFocus: false })
  if (seal.error) return <NoSeal error={seal.error} id={run} />
  if (!seal.data) return <Loading rows={8} what="The seal is being verified" />
  const s = seal.data
  const broken = s.checks.filter((c) => !c.ok)
  return (
    <>
      {s.valid ? null : <p className="band" role="alert">✕ Broken seal: {broken.map((c) => c.name).join(', ')}. The figures of this run are not those that were signed, or the signature is not ours.</p>}
      <div className="split verdict">
        <div className="section">
          <Finding valid={s.valid} at={seal.dataUpdatedAt} text={s.valid ? <>All {s.checks.length} steps hold for <ObjectName id={run} objects={objects} /></> : <>{broken.length} of {s.checks.length} steps {broken.length === 1 ? 'does' : 'do'} not hold for <ObjectName id={run} objects={objects} /></>}>
            <Why broken={broken} />
            <button type="button" disabled={seal.isFetching} onClick={() => void seal.refetch()}>{seal.isFetching ? 'Checking …' : 'Check again'}</button>
          </Finding>
        </div>
        <div className="panel"><Facts of={[
          ['Run', <CopyText key="r" text={s.run} />], ['Seal (SHA-256)', <CopyText key="s" text={s.sha256} />], ['Signing key', <CopyText key="k" text={s.key} />], ['Sealed', <Time key="t" at={s.made} />],
        ]} /></div>
      </div>
      <SealSteps steps={s.checks} />
      <Offline run={run} />
    </>
  )
}

function NoSeal({ error, id }: { error: ApiError; id: string }) {
  if (error.kind === 'not-found') return <Notice tone="warn"><strong>No run of your tenant with a seal has this id.</strong> If it is of something else, its leaves are below. <code>{id}</code></Notice>
  if (error.kind === 'conflict') return <Notice tone="warn"><strong>The run is not sealed yet.</strong> {error.problem.detail}</Notice>
  return <Failure error={error} />
}

/** What is carried to another machine, and the command there. */
function Offline({ run }: { run: string }) {
  const command = `qrs-replay verify ${run}.seal.json --keys qrsd-keys.json`
  return (
    <section className="panel offline">
      <h2>Verify it without this appliance</h2>
      <p>Take the seal and the public keys to another machine. The command needs no network; it exits with 0 where all holds and 3 where it does not.</p>
      <div className="actions">
        <a className="button" href={`/api/v1/runs/${run}/seal/file`} download={`${run}.seal.json`}>Download the proof</a>
        <a className="button" href="/.well-known/qrsd-keys.json" download="qrsd-keys.json">Public keys</a>
      </div>
      <div className="command"><code>{command}</code><button type="button" onClick={() => void copy(command)}>Copy</button></div>
    </section>
  )
}

/** A seal that somebody holds: sent to the byte, verified with the keys of this appliance. */
function OfFile({ given }: { given: Given }) {
  const may = useMay()
  const verdict = useQuery({
    queryKey: ['seal', given.at], gcTime: 0, staleTime: 0, retry: false, refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => {
      const answer = await fetch('/api/v1/seals/verify', { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: given.text, signal, credentials: 'same-origin' })
      if (!answer.ok) throw await problemOf(answer)
      return (await answer.json()) as Schemas['SealVerdict']
    },
  })
  if (verdict.error) return <NotASeal error={verdict.error} name={given.name} />
  if (!verdict.data) return <Loading rows={8} what="The seal is being verified" />
  const v = verdict.data
  const broken = v.checks.filter((c) => !c.ok)
  return (
    <>
      {v.valid ? null : <p className="band" role="alert">✕ Broken seal: {broken.map((c) => c.name).join(', ')}.</p>}
      <div className="split verdict">
        <div className="section">
          <Finding valid={v.valid} at={verdict.dataUpdatedAt} text={v.valid ? <>Every step holds{given.name ? <> for {given.name}</> : null}</> : <>{broken.length} of {v.checks.length} steps {broken.length === 1 ? 'does' : 'do'} not hold{given.name ? <> for {given.name}</> : null}</>}>
            <Why broken={broken} />
            <button type="button" disabled={verdict.isFetching} onClick={() => void verdict.refetch()}>{verdict.isFetching ? 'Checking …' : 'Check again'}</button>
          </Finding>
          {v.valid ? <Notice>The files of the result were not looked at: a seal alone says what they should be.{v.run && may('run.read') ? <> <a href={`/ledger?find=${v.run}`}>Verify the run with its files here</a></> : null}</Notice> : null}
        </div>
        <div className="panel"><Facts of={[
          ['File (SHA-256)', <CopyText key="f" text={v.sha256} />], ['Signing key', v.key ? <CopyText key="k" text={v.key} /> : '—'], ['Run', v.run ? <CopyText key="r" text={v.run} /> : 'said only where the signature holds'],
          ['Model', v.model ? <CopyText key="m" text={v.model} show={`${v.model.slice(0, 16)}…`} /> : '—'], ['Seed', v.seed ?? '—'], ['Engine', v.engine ?? '—'],
        ]} /></div>
      </div>
      <SealSteps steps={v.checks} />
    </>
  )
}

function NotASeal({ error, name }: { error: unknown; name: string }) {
  if (error instanceof ApiError && (error.kind === 'invalid' || error.kind === 'too-large')) {
    const why = (error.problem.errors ?? []).map((f) => `${f.pointer ? `${f.pointer}: ` : ''}${f.detail}`).join('; ') || error.problem.detail
    return <Notice tone="error"><strong>{name || 'What was pasted'} is no seal.</strong> {why} A seal is the file that the run's page and this one give, to the byte.</Notice>
  }
  return <Failure error={error} />
}
