// Diagnostics: the bundle for support. What would be handed over is looked at file by file before it is packed.
import { useMutation, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, linkTo, problemOf, type Schemas } from '../../api/client'
import { useGet, useRefresh } from '../../api/queries'
import { bytes, clock, count } from '../../format'
import { SelectField } from '../../parts/form'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Failure, Loading, Notice } from '../../parts/states'
import { useUrlState } from '../../url'
import { account, redactions } from './redaction'

type Bundle = Schemas['Bundle']
type File = Schemas['BundleFile']

const path = '/api/v1/system/bundles'

export function Diagnostics() {
  const refresh = useRefresh()
  const [chosen, choose] = useUrlState('bundle')
  // Those that the appliance keeps in memory: a look at another section, and a reload, lose none.
  const kept = useGet(path, {}, { staleTime: Infinity, refetchOnWindowFocus: false })
  const all = (kept.data?.items ?? []) as Bundle[]
  const bundle = all.find((b) => b.id === chosen) ?? all[0]
  const collect = useMutation({ mutationFn: async () => (await api.post(path, {})).data as Bundle, onSuccess: async (b) => { await refresh(path); choose(b.id) } })
  return (
    <section className="section">
      <div className="section-head"><h2>Bundle for support</h2><div className="actions"><button type="button" className={bundle ? '' : 'primary'} disabled={collect.isPending} onClick={() => collect.mutate()}>{collect.isPending ? 'Collecting …' : bundle ? 'Collect anew' : 'Collect and look'}</button></div></div>
      {collect.error ? <Failure error={collect.error} retry={() => collect.mutate()} /> : null}
      {kept.error ? <Failure error={kept.error} retry={() => void kept.refetch()} /> : null}
      {all.length > 1 && !collect.isPending ? <SelectField label="Collected" value={bundle?.id} onChange={(e) => choose(e.target.value)}>{all.map((b, i) => <option key={b.id} value={b.id}>{clock(b.collected)}{i === 0 ? ', the newest' : ''}</option>)}</SelectField> : null}
      {collect.isPending || kept.isLoading ? <Loading rows={8} what={collect.isPending ? 'Collecting' : 'Loading'} /> : bundle ? <Collected key={bundle.id} of={bundle} /> : <p className="muted">When something is wrong and the section Health does not say what, this is what support needs. Nothing leaves the appliance by collecting it: look at each file, leave out what you like, and hand the rest over yourself.</p>}
      <Contents />
    </section>
  )
}

/** What a bundle holds, and what never: the rule is that what is not known to be harmless is withheld. */
function Contents() {
  return (
    <div className="split contents">
      <div className="panel"><h3>What is in it</h3>
        <ul>
          <li>The last of the log, and the figures for monitors</li>
          <li>What the daemon is doing, and where its memory was allocated</li>
          <li>What the doctor found</li>
          <li>Sizes and heads of the store, with numbers for tenants</li>
          <li>The configuration: limits and modes; of the rest, whether it is set</li>
          <li>The program's version and modules; the machine's processor, memory and kernel</li>
        </ul>
      </div>
      <div className="panel"><h3>What is never in it</h3>
        <ul>
          <li>Records of the store: portfolios, locations, policies, runs, losses, approvals, entries of logs. <code>records.txt</code> names their fields, with the reason for each</li>
          <li>Keys, passwords, codes, tokens and API keys</li>
          <li>Names and addresses of people, tenants, hosts and files</li>
          <li>What somebody typed: of texts only words of the program's own messages stay</li>
          <li>Contents of memory</li>
        </ul>
      </div>
    </div>
  )
}

function Collected({ of: b }: { of: Bundle }) {
  const [without, setWithout] = useState<ReadonlySet<string>>(new Set())
  const [shown, show] = useState<string>()
  const forgotten = usePast(b.expires)
  const inside = b.files.filter((f) => !without.has(f.name))
  const file = b.files.find((f) => f.name === shown)
  return (
    <>
      {forgotten ? <Notice tone="warn"><strong>The appliance has forgotten this bundle</strong>, at <Time at={b.expires} show={clock(b.expires)} />: collect anew.</Notice> : <p className="muted">Collected at <Time at={b.collected} show={clock(b.collected)} />, kept in memory until <Time at={b.expires} show={clock(b.expires)} />. Looking at a file and downloading are entries of the audit trail.</p>}
      <div className={file ? 'split beside reading' : undefined}>
        <Tree of={b} inside={inside} shown={shown} onShow={show} onChoose={setWithout} />
        {file ? <Preview key={file.name} bundle={b.id} file={file} onClose={() => show(undefined)} /> : null}
      </div>
      {b.recipients.length === 0 ? <NoRecipient /> : <Pack bundle={b} inside={inside} without={[...without]} forgotten={forgotten} />}
    </>
  )
}

/** Whether a moment is past. */
function usePast(moment: string): boolean {
  const [past, setPast] = useState(() => Date.parse(moment) <= Date.now())
  useEffect(() => {
    const t = setTimeout(() => setPast(true), Math.max(0, Date.parse(moment) - Date.now()))
    return () => clearTimeout(t)
  }, [moment])
  return past
}

/** The files as they lie in the archive; a tick says that a file is handed over. */
function Tree({ of: b, inside, shown, onShow, onChoose }: { of: Bundle; inside: readonly File[]; shown: string | undefined; onShow: (name: string) => void; onChoose: (without: ReadonlySet<string>) => void }) {
  const all = useRef<HTMLInputElement>(null)
  const some = inside.length > 0 && inside.length < b.files.length
  useEffect(() => { if (all.current) all.current.indeterminate = some }, [some])
  const choose = (name: string, on: boolean) => onChoose(new Set(b.files.filter((f) => (f.name === name ? !on : !inside.includes(f))).map((f) => f.name)))
  return (
    <fieldset className="panel tree">
      <legend className="unseen">Files of the bundle</legend>
      <div className="root"><input ref={all} type="checkbox" aria-label="All files" checked={inside.length === b.files.length} onChange={(e) => onChoose(new Set(e.currentTarget.checked ? [] : b.files.map((f) => f.name)))} /><code>{archiveName(b.id)}</code><span className="size">{count(inside.length)} of {count(b.files.length)} files, {bytes(total(inside))}</span></div>
      <ul>
        {b.files.map((f) => (
          <li key={f.name} className={shown === f.name ? 'chosen' : undefined}>
            <input type="checkbox" aria-label={`Hand over ${f.name}`} checked={inside.includes(f)} onChange={(e) => choose(f.name, e.currentTarget.checked)} />
            <button type="button" className="copy" aria-expanded={shown === f.name} aria-label={`Look at ${f.name}`} onClick={() => onShow(f.name)}><code>{f.name}</code></button>
            <span className="about-file">{f.about}</span>
            <span className="taken">{f.withheld > 0 ? <Tag mark="▇" tone="warn">{count(f.withheld)} withheld</Tag> : <span className="muted">none withheld</span>}</span>
            <span className="size">{bytes(f.bytes)}</span>
          </li>
        ))}
        <li className="made"><span /><code>manifest.json</code><span className="about-file muted">Digests of the files, signed with the appliance's seal key; made when it is packed, with <code>manifest.dsse</code> and <code>keys.json</code>.</span></li>
      </ul>
    </fieldset>
  )
}

function archiveName(id: string): string {
  return `qrsd-bundle-${id}.tar.gz.age`
}

function total(files: readonly File[]): number {
  return files.reduce((n, f) => n + f.bytes, 0)
}

function NoRecipient() {
  return (
    <Notice tone="warn">
      <strong>It can be looked at, but not packed:</strong> the configuration names nobody to encrypt it to. A bundle leaves only encrypted, so that nobody on its way reads it. Write the public key that your support gives you into the configuration, and start the appliance again:
      <pre>{'support {\n  recipients = ["age1…"]\n}'}</pre>
    </Notice>
  )
}

interface Packed { address: string; bytes: number; sha256: string; files: number }

/** Makes the file that is handed over. It is fetched, not linked to, so that a refusal is read here and not in the downloads. */
function Pack({ bundle: b, inside, without, forgotten }: { bundle: Bundle; inside: readonly File[]; without: readonly string[]; forgotten: boolean }) {
  const pack = useMutation({ mutationFn: async (): Promise<Packed> => packed(b.id, without, inside.length) })
  const { data, reset } = pack
  const chosen = without.join('\n')
  useEffect(() => reset(), [chosen, reset]) // another choice is another file
  useEffect(() => (data ? () => URL.revokeObjectURL(data.address) : undefined), [data])
  return (
    <div className="panel one">
      <h3>Hand it over</h3>
      <p>It is encrypted to {b.recipients.length === 1 ? 'this key' : `these ${count(b.recipients.length)} keys`}: nobody else can open it, and nobody here. Hand it over as you like; the appliance sends it nowhere.</p>
      <ul className="plain">{b.recipients.map((r) => <li key={r}><CopyText text={r} /></li>)}</ul>
      <div className="actions">
        <button type="button" className="primary" disabled={pack.isPending || forgotten || inside.length === 0} onClick={() => pack.mutate()}>{pack.isPending ? 'Encrypting …' : 'Create the encrypted bundle'}</button>
        <span className="muted small">{inside.length === 0 ? 'Tick at least one file.' : `${count(inside.length)} of ${count(b.files.length)} files, ${bytes(total(inside))} before packing`}</span>
      </div>
      {pack.error ? <Failure error={pack.error} /> : null}
      {data ? (
        <Notice tone="ok">
          <strong>Created.</strong> Only its recipients can open it, with <code>qrsd bundle open</code>.
          <Facts of={[['File', archiveName(b.id)], ['Holds', `${count(data.files)} files and their manifest`], ['Size', bytes(data.bytes)], ['SHA-256', <CopyText key="s" text={data.sha256} />]]} />
          <p><a className="button primary" href={data.address} download={archiveName(b.id)}>Download</a></p>
        </Notice>
      ) : null}
    </div>
  )
}

async function packed(id: string, without: readonly string[], files: number): Promise<Packed> {
  const answer = await fetch(linkTo('/api/v1/system/bundles/{id}/content', { path: { id }, query: { without: [...without] } }), { credentials: 'same-origin' })
  if (!answer.ok) throw await problemOf(answer)
  const content = await answer.arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content))
  return { address: URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' })), bytes: content.byteLength, sha256: [...digest].map((x) => x.toString(16).padStart(2, '0')).join(''), files }
}

const atOnce = 100_000 // characters that are drawn; the rest on demand

/** A file to the byte as it would be handed over; places where something was taken out are marked. */
function Preview({ bundle, file, onClose }: { bundle: string; file: File; onClose: () => void }) {
  const [most, setMost] = useState(atOnce)
  const body = useRef<HTMLPreElement>(null)
  const all = useRef<HTMLElement>(null)
  useEffect(() => { void all.current?.scrollIntoView({ block: 'nearest' }) }, []) // in a narrow window it is below the tree
  const text = useQuery({
    queryKey: ['bundle', bundle, file.name], gcTime: 0, staleTime: Infinity, retry: false, refetchOnWindowFocus: false,
    queryFn: async ({ signal }) => {
      const answer = await fetch(linkTo('/api/v1/system/bundles/{id}/file', { path: { id: bundle }, query: { name: file.name } }), { signal, credentials: 'same-origin' })
      if (!answer.ok) throw await problemOf(answer)
      return answer.text()
    },
  })
  const parts = useMemo(() => redactions(file.name, text.data ?? ''), [file.name, text.data])
  const marked = parts.filter((p) => p.taken).length
  return (
    <aside ref={all} className="panel one" aria-label={`File ${file.name}`}>
      <div className="section-head"><h3><code>{file.name}</code></h3><div className="actions">
        {marked > 0 ? <button type="button" onClick={() => nextMark(body.current)}>Next mark</button> : null}
        <button type="button" className="icon" aria-label="Close the file" onClick={onClose}>✕</button>
      </div></div>
      <p className="muted small">{file.about} SHA-256 <CopyText text={file.sha256} show={`${file.sha256.slice(0, 16)}…`} /></p>
      {text.error ? <Failure error={text.error} /> : text.data === undefined ? <Loading rows={10} /> : (
        <>
          <p className="small">{account(file, marked)}</p>
          <pre ref={body} className="preview" tabIndex={0} role="region" aria-label={`Text of ${file.name}`}>{drawn(parts, most)}</pre>
          {text.data.length > most ? <p className="actions"><button type="button" onClick={() => setMost((m) => m + 4 * atOnce)}>Show more</button><span className="muted small">{count(most)} of {count(text.data.length)} characters are shown</span></p> : null}
        </>
      )}
    </aside>
  )
}

/** The first parts, at most so many characters of them. */
function drawn(parts: ReturnType<typeof redactions>, most: number) {
  let room = most
  return parts.map((p, i) => {
    const text = p.text.slice(0, Math.max(0, room))
    room -= p.text.length
    if (text === '') return null
    return p.taken ? <mark key={i}>{text}</mark> : text
  })
}

/** Scrolls to the next mark below what is in sight, and from the last to the first. */
function nextMark(body: HTMLElement | null) {
  if (!body) return
  const marks = [...body.querySelectorAll('mark')]
  const edge = body.getBoundingClientRect().top + 40
  const next = marks.find((m) => m.getBoundingClientRect().top > edge + 1) ?? marks[0]
  if (next) body.scrollTop += next.getBoundingClientRect().top - edge
}
