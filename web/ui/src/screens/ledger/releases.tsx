// Meta-seals: what binds the thirty runs of a model release's benchmark, verified by the appliance when it is asked.
import { type Schemas } from '../../api/client'
import { useGet, useMay } from '../../api/queries'
import { brief, count } from '../../format'
import { Facts, Tag } from '../../parts/state'
import { CopyText, Failure, Loading } from '../../parts/states'
import { Finding, StepTable } from './verdict'

type Release = Schemas['ReleaseSeal']

/** The releases of the models that the tenant's runs were made with. */
export function Releases() {
  const may = useMay()
  const reads = may('model.read')
  const models = useGet('/api/v1/models', { query: { limit: 20 } }, { enabled: reads })
  if (!reads) return null
  return (
    <section className="section">
      <h2>Releases of the model</h2>
      {models.error ? <Failure error={models.error} retry={() => void models.refetch()} /> : models.data ? <OfModels models={models.data.items as Schemas['Model'][]} /> : <Loading rows={2} />}
    </section>
  )
}

function OfModels({ models }: { models: readonly Schemas['Model'][] }) {
  if (models.length === 0) return <p className="muted">No run was made yet, and so no model is in the ledger.</p>
  return <>{models.map((m) => <OfModel key={m.id} model={m} />)}</>
}

function OfModel({ model: m }: { model: Schemas['Model'] }) {
  const card = useGet('/api/v1/models/{id}/card', { path: { id: m.id } }, { staleTime: 0, refetchOnWindowFocus: false })
  if (card.error) return card.error.status === 404 ? <p className="muted">Model {brief(m.id, 12)} of engine {m.version}: this program is of another release, and has no card of it.</p> : <Failure error={card.error} />
  if (!card.data) return <Loading rows={3} what="The meta-seal is being verified" />
  const { release, signoff, engine } = card.data
  const link = <a href={`/models/${m.id}`}>model card</a>
  if (!release) return <p className="muted">Engine {engine}, model <CopyText text={m.id} show={`${brief(m.id, 16)}…`} />: this appliance was given no meta-seal of the release (<code>model.meta_seal</code> in qrsd.hcl). Sign-off: {signoff}. Its {link}.</p>
  return <Verdict release={release} at={card.dataUpdatedAt} about={<>engine {engine}, {link}</>} />
}

function Verdict({ release: r, at, about }: { release: Release; at: number; about: React.ReactNode }) {
  return (
    <>
      <Finding valid={r.valid} at={at} text={r.valid ? <>The meta-seal over {count(r.runs)} runs holds{r.tag ? ` for ${r.tag}` : ''}</> : <>The meta-seal of the release does not hold: {r.reason}</>}>
        <p>{about} · {r.pending ? <><Tag mark="◇" tone="warn">Sign-off pending</Tag>{r.valid && r.reason ? `: ${r.reason}` : ''}</> : <Tag mark="◆" tone="ok">Signed for by {r.by.join(', ')}</Tag>}</p>
      </Finding>
      {r.rollup ? <div className="panel"><Facts of={[['Roll-up of the runs', <CopyText key="r" text={r.rollup} />]]} /></div> : null}
      {r.checks.length > 0 ? <details className="panel steps" open={!r.valid}><summary><strong>{count(r.checks.length)} steps</strong></summary><StepTable caption="Meta-seal" steps={r.checks} /></details> : null}
    </>
  )
}
