// Diagnostics: the doctor's lines, and the bundle for support, of which every byte can be looked at before it is handed over.
import { useMutation, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { api, problemOf, type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { bytes, clock } from '../../format'
import { Tag } from '../../parts/state'
import { CopyText, Failure, Loading, Notice, Ready } from '../../parts/states'
import { Table, type Column } from '../../parts/table'

type Finding = Schemas['Finding']
type Bundle = Schemas['Bundle']
type File = Schemas['BundleFile']

export function Diagnostics() {
  const may = useMay()
  return <>{may('store.diagnose') ? <Doctor /> : null}{may('support.bundle') ? <Support /> : null}</>
}

const states: Record<string, readonly [string, string, string]> = { ok: ['✓', 'In order', 'ok'], warning: ['!', 'Warning', 'warn'], failure: ['✕', 'Failure', 'error'], unknown: ['○', 'Unknown', 'muted'] }

function Doctor() {
  const doctor = useGet('/api/v1/system/doctor', {}, { refetchOnWindowFocus: false })
  const columns = useMemo((): Column<Finding>[] => [
    { id: 'name', header: 'What was looked at', value: (f) => f.check },
    { id: 'state', header: 'State', value: (f) => f.state, cell: (f) => { const [mark, word, tone] = states[f.state] ?? ['·', f.state, 'muted']; return <Tag mark={mark} tone={tone}>{word}</Tag> } },
    { id: 'detail', header: 'How it is', wide: true, value: (f) => f.found },
    { id: 'fix', header: 'What to do', wide: true, value: (f) => f.advice ?? '' },
  ], [])
  return (
    <section className="section">
      <div className="section-head"><h2>Doctor</h2><div className="actions">{doctor.data ? <span className="muted small">looked at {clock(doctor.data.at)}</span> : null}<button type="button" disabled={doctor.isFetching} onClick={() => void doctor.refetch()}>{doctor.isFetching ? 'Looking …' : 'Look again'}</button></div></div>
      {doctor.error?.kind === 'not-found' ? <Notice>{doctor.error.message}.</Notice> : <Ready of={doctor} rows={10}>{(d) => <Table caption="Findings of the doctor" columns={columns} rows={d.findings} rowKey={(f) => f.check} keys fixedOrder />}</Ready>}
    </section>
  )
}

function Support() {
  const collect = useMutation({ mutationFn: async () => (await api.post('/api/v1/system/bundles', {})).data as Bundle })
  return (
    <section className="section">
      <div className="section-head"><h2>Bundle for support</h2><div className="actions"><button type="button" className="primary" disabled={collect.isPending} onClick={() => collect.mutate()}>{collect.isPending ? 'Collecting …' : collect.data ? 'Collect anew' : 'Collect and look'}</button></div></div>
      {collect.error ? <Failure error={collect.error} /> : null}
      {collect.data ? <Collected key={collect.data.id} of={collect.data} /> : collect.isPending ? <Loading rows={6} /> : <p className="muted">Logs, figures, the doctor's report and the configuration, without secrets, names and addresses. Nothing leaves the appliance by collecting it: look at each file, then download what you want to hand over.</p>}
    </section>
  )
}

function Collected({ of: b }: { of: Bundle }) {
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set())
  const [shown, show] = useState<string>()
  const inside = b.files.filter((f) => !without.has(f.name))
  const toggle = (name: string) => setWithout((w) => { const next = new Set(w); if (!next.delete(name)) next.add(name); return next })
  const query = new URLSearchParams([...without].map((name) => ['without', name]))
  const columns = useMemo((): Column<File>[] => [
    { id: 'name', header: 'File', mono: true, value: (f) => f.name },
    { id: 'about', header: 'What is in it', wide: true, value: (f) => f.about },
    { id: 'bytes', header: 'Size', number: true, value: (f) => f.bytes, cell: (f) => bytes(f.bytes) },
    { id: 'withheld', header: 'Withheld', number: true, value: (f) => f.withheld },
  ], [])
  return (
    <>
      <div className={shown ? 'split beside' : undefined}>
        <Table caption="Files of the bundle" columns={columns} rows={b.files} rowKey={(f) => f.name} selected={new Set(inside.map((f) => f.name))} onSelect={toggle} chosen={shown} onOpen={(f) => show(f.name)} />
        {shown ? <Preview key={shown} bundle={b.id} file={b.files.find((f) => f.name === shown)!} onClose={() => show(undefined)} /> : null}
      </div>
      {b.recipients.length === 0 ? <Notice tone="warn"><strong>It cannot be packed:</strong> the configuration names nobody to encrypt it to (<code>support.recipients</code>).</Notice> : (
        <div className="actions">
          <a className="button primary" href={`/api/v1/system/bundles/${b.id}/content${without.size ? `?${query}` : ''}`} download={`qrsd-bundle-${b.id}.tar.gz.age`}>Download {inside.length} of {b.files.length} files, encrypted</a>
          <span className="muted small">{bytes(inside.reduce((n, f) => n + f.bytes, 0))} before packing · to {b.recipients.map((r) => <CopyText key={r} text={r} show={`${r.slice(0, 14)}…`} />)} · forgotten at {clock(b.expires)}</span>
        </div>
      )}
    </>
  )
}

/** A file as it would be handed over; places where something was taken out are marked. */
function Preview({ bundle, file, onClose }: { bundle: string; file: File; onClose: () => void }) {
  const text = useQuery({
    queryKey: ['bundle', bundle, file.name], gcTime: 0, retry: false, refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => {
      const answer = await fetch(`/api/v1/system/bundles/${bundle}/file?name=${encodeURIComponent(file.name)}`, { signal, credentials: 'same-origin' })
      if (!answer.ok) throw await problemOf(answer)
      return answer.text()
    },
  })
  return (
    <aside className="panel one" aria-label={`File ${file.name}`}>
      <div className="section-head"><h3><code>{file.name}</code></h3><button type="button" className="icon" aria-label="Close the file" onClick={onClose}>✕</button></div>
      <p className="muted small">{file.about} SHA-256 <CopyText text={file.sha256} show={`${file.sha256.slice(0, 16)}…`} /></p>
      {text.error ? <Failure error={text.error} /> : text.data === undefined ? <Loading rows={8} /> : <pre className="preview">{marked(text.data)}</pre>}
    </aside>
  )
}

const withheld = /(\[[^\]\n]{0,40}withheld[^\]\n]{0,80}\]|<[^>\n]{0,40}withheld[^>\n]{0,80}>)/

function marked(text: string) {
  const most = 200_000
  const parts = text.slice(0, most).split(withheld)
  return <>{parts.map((p, i) => (i % 2 === 1 ? <mark key={i}>{p}</mark> : p))}{text.length > most ? `\n… ${text.length - most} further characters are in the file` : ''}</>
}
