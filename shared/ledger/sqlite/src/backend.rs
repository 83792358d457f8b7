//! The port, method by method.

use std::time::Duration;

use async_trait::async_trait;
use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{
    BatchId, DataKeyId, IncarnationId, JobId, OrderId, StoreId, TenantId, Timestamp, UpstreamStoreId,
};
use ledger::audit::{AuditFilter, AuditPage, Place};
use ledger::seal::{LeafRun, SignedHead, TreeNode};
use ledger::{
    Append, Appended, Backend, Claimed, DataKeyRow, Head, IdempotencyRecord, JobFilter, Membership,
    OrderEventFilter, PartitionQueue, QueueCounts, Recorded, Refusal, Stream, TokenCounts,
};
use merkle::{Hash, NodeId};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;

#[async_trait]
impl Backend for SqliteLedger {
    async fn append_batch(&self, batch: &[Append]) -> Result<Vec<std::result::Result<Appended, Refusal>>> {
        self.append_all(batch).await
    }

    async fn head(&self) -> Result<Head> {
        self.read_head().await
    }

    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        self.read_events(after, limit).await
    }

    async fn stream_after(&self, stream: &Stream, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        self.read_stream(stream, after, limit).await
    }

    async fn job_events_after(
        &self,
        tenant: TenantId,
        job: Option<JobId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        self.read_job_events(tenant, job, after, limit).await
    }

    async fn order_events(&self, filter: &OrderEventFilter) -> Result<Vec<Recorded>> {
        self.read_order_events(filter).await
    }

    async fn audit_page(&self, filter: &AuditFilter) -> Result<AuditPage> {
        self.read_audit(filter).await
    }

    async fn tenant_events_before(&self, tenant: TenantId, place: Place) -> Result<u64> {
        self.count_before(tenant, place).await
    }

    async fn tenant_events_after(
        &self,
        tenant: TenantId,
        after: u64,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<Recorded>> {
        self.read_tenant_events(tenant, after, limit, bytes).await
    }

    async fn erasure_events_after(&self, after: u64, limit: u32) -> Result<Vec<Recorded>> {
        self.read_erasures(after, limit).await
    }

    async fn sealed_events_of_store(
        &self,
        tenant: TenantId,
        store: StoreId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>> {
        self.read_sealed_of_store(tenant, store, after, limit).await
    }

    async fn scrub(&self) -> Result<bool> {
        self.fold_log().await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>> {
        self.read_tenant(id).await
    }

    async fn tenants_page(&self, before: Option<TenantId>, limit: u32) -> Result<Vec<Tenant>> {
        self.read_tenants(before, limit).await
    }

    async fn tenants_to_erase(&self, limit: u32) -> Result<Vec<Tenant>> {
        self.read_unerased(limit).await
    }

    async fn key_by_lookup(&self, lookup: &str) -> Result<Option<Key>> {
        self.read_key(lookup).await
    }

    async fn keys_of(&self, tenant: TenantId) -> Result<Vec<Key>> {
        self.read_keys(tenant).await
    }

    async fn store(&self, id: StoreId) -> Result<Option<Store>> {
        self.read_store(id).await
    }

    async fn store_by_upstream(&self, tenant: TenantId, store: &UpstreamStoreId) -> Result<Option<Store>> {
        self.read_store_of(tenant, store).await
    }

    async fn registrations(&self, store: &UpstreamStoreId, limit: u32) -> Result<Vec<Store>> {
        self.read_registrations(store, limit).await
    }

    async fn stores_of(&self, tenant: TenantId) -> Result<Vec<Store>> {
        self.read_stores(tenant).await
    }

    async fn stores_with_credentials(&self, tenant: TenantId, limit: u32) -> Result<Vec<Store>> {
        self.read_stores_with_credentials(tenant, limit).await
    }

    async fn stores_changed(&self, partitions: &[u16], after: u64, limit: u32) -> Result<Vec<Store>> {
        self.read_changed_stores(partitions, after, limit).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.read_job(id).await
    }

    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Job>> {
        self.read_jobs(ids).await
    }

    async fn jobs_page(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        self.read_page(filter).await
    }

    async fn jobs_changed(&self, partitions: &[u16], after: u64, limit: u32) -> Result<Vec<Job>> {
        self.read_changed_jobs(partitions, after, limit).await
    }

    async fn open_jobs(&self, partition: u16, after: u64, limit: u32) -> Result<Vec<Job>> {
        self.read_open_jobs(partition, after, limit).await
    }

    async fn open_jobs_of_store(&self, store: StoreId, limit: u32) -> Result<Vec<Job>> {
        self.read_open_jobs_of_store(store, limit).await
    }

    async fn open_jobs_of_order(&self, store: StoreId, order: &OrderId, limit: u32) -> Result<Vec<Job>> {
        self.read_open_jobs_of_order(store, order, limit).await
    }

    async fn queue_counts(&self, store: StoreId) -> Result<QueueCounts> {
        self.count_store(store).await
    }

    async fn jobs_ahead(&self, job: &Job) -> Result<u64> {
        self.count_ahead(job).await
    }

    async fn last_change(&self, store: StoreId, order: Option<&OrderId>) -> Result<u64> {
        self.read_last_change(store, order).await
    }

    async fn partition_queues(&self, now: Timestamp) -> Result<Vec<PartitionQueue>> {
        self.read_partition_queues(now).await
    }

    async fn tenant_queue_counts(&self, tenant: TenantId) -> Result<QueueCounts> {
        self.count_tenant(tenant).await
    }

    async fn tenant_tokens(&self, tenant: TenantId) -> Result<TokenCounts> {
        self.count_tokens(tenant).await
    }

    async fn open_batches(&self, partition: u16) -> Result<Vec<OpenBatch>> {
        self.read_batches(partition).await
    }

    async fn open_batch(&self, id: BatchId) -> Result<Option<OpenBatch>> {
        self.read_batch(id).await
    }

    async fn order_image(&self, store: StoreId, order: &OrderId) -> Result<Option<OrderImage>> {
        self.read_image(store, order).await
    }

    async fn data_key(&self, id: DataKeyId) -> Result<Option<DataKeyRow>> {
        self.read_data_key(id).await
    }

    async fn data_keys(&self, ids: &[DataKeyId]) -> Result<Vec<DataKeyRow>> {
        self.read_data_keys(ids).await
    }

    async fn data_key_of_order(&self, store: StoreId, order: &OrderId) -> Result<Option<DataKeyRow>> {
        self.read_data_key_of_order(store, order).await
    }

    async fn data_keys_of_tenant(&self, tenant: TenantId, limit: u32) -> Result<Vec<DataKeyId>> {
        self.read_data_keys_of_tenant(tenant, limit).await
    }

    async fn idempotency(
        &self,
        tenant: TenantId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>> {
        self.read_idempotency(tenant, key, now).await
    }

    async fn purge_idempotency(&self, now: Timestamp, limit: u32) -> Result<u64> {
        self.purge_dead(now, limit).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read_setting(name).await
    }

    async fn init_setting(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        self.make_setting(name, value).await
    }

    async fn swap_setting(&self, name: &str, from: &[u8], to: &[u8]) -> Result<bool> {
        self.exchange_setting(name, from, to).await
    }

    async fn init_partitions(&self, count: u16) -> Result<()> {
        self.make_partitions(count).await
    }

    async fn heartbeat(
        &self,
        incarnation: IncarnationId,
        ttl: Duration,
        draining: bool,
    ) -> Result<Membership> {
        self.beat(incarnation, ttl, draining).await
    }

    async fn claim(
        &self,
        incarnation: IncarnationId,
        partitions: &[u16],
        force: bool,
    ) -> Result<Vec<Claimed>> {
        self.take(incarnation, partitions, force).await
    }

    async fn release(&self, incarnation: IncarnationId, partitions: &[u16]) -> Result<()> {
        self.give_back(incarnation, partitions).await
    }

    async fn goodbye(&self, incarnation: IncarnationId) -> Result<()> {
        self.leave(incarnation).await
    }

    async fn sealed_size(&self) -> Result<u64> {
        self.size_sealed().await
    }

    async fn append_leaves(&self, run: &LeafRun, nodes: &[TreeNode]) -> Result<bool> {
        self.seal_run(run, nodes).await
    }

    async fn leaf_hashes(&self, after: u64, limit: u32) -> Result<Vec<Hash>> {
        self.hashes_after(after, limit).await
    }

    async fn tree_nodes(&self, ids: &[NodeId]) -> Result<Vec<TreeNode>> {
        self.nodes_among(ids).await
    }

    async fn put_signed_head(&self, head: &SignedHead) -> Result<()> {
        self.put_head(head).await
    }

    async fn latest_signed_head(&self) -> Result<Option<SignedHead>> {
        self.last_signed().await
    }

    async fn signed_heads_from(&self, size: u64, limit: u32) -> Result<Vec<SignedHead>> {
        self.heads_from(size, limit).await
    }

    async fn rebuild(&self) -> Result<u64> {
        self.rebuild_views().await
    }

    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1")
            .one(&self.readers)
            .await
            .map(drop)
            .map_err(failed)
    }
}
