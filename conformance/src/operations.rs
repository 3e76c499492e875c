//! The operations of the contract, one method each, as the suite sends them.

use assay_fixtures::Package;
use assay_harness::{Client, Reply, Stop};
use serde_json::{Value, json};

use crate::form::Form;

/// A client that speaks in operations instead of paths.
#[derive(Clone)]
pub struct Operations {
    client: Client,
}

impl Operations {
    /// Operations sent by this client, with its token and its role in the evidence.
    pub fn of(client: Client) -> Operations {
        Operations { client }
    }

    /// `GET /.well-known/handler-runtime`
    pub async fn discovery(&self) -> Result<Reply, Stop> {
        self.client.get("/.well-known/handler-runtime").send().await
    }

    /// `GET /health`
    pub async fn health(&self) -> Result<Reply, Stop> {
        self.client.get("/health").send().await
    }

    /// `PUT /admin/trust/keys/{key}`
    pub async fn put_key(&self, name: &str, key: &Value) -> Result<Reply, Stop> {
        self.client.put(key_path(name)).json(key).send().await
    }

    /// `GET /admin/trust/keys/{key}`
    pub async fn key(&self, name: &str) -> Result<Reply, Stop> {
        self.client.get(key_path(name)).send().await
    }

    /// `GET /admin/trust/keys`
    pub async fn keys(&self) -> Result<Reply, Stop> {
        self.client.get("/admin/trust/keys").send().await
    }

    /// `DELETE /admin/trust/keys/{key}`
    pub async fn delete_key(&self, name: &str) -> Result<Reply, Stop> {
        self.client.delete(key_path(name)).send().await
    }

    /// `POST /admin/registry/handlers` with a whole package.
    pub async fn upload(&self, package: &Package) -> Result<Reply, Stop> {
        self.upload_form(&Form::of(package)).await
    }

    /// `POST /admin/registry/handlers` with a form as it is.
    pub async fn upload_form(&self, form: &Form) -> Result<Reply, Stop> {
        let (content_type, body) = form.encode();
        self.upload_bytes(&content_type, body).await
    }

    /// `POST /admin/registry/handlers` with any bytes.
    pub async fn upload_bytes(&self, content_type: &str, body: Vec<u8>) -> Result<Reply, Stop> {
        self.client.post("/admin/registry/handlers").body(content_type, body).send().await
    }

    /// `POST …/versions/{version}/sign`
    pub async fn sign(&self, id: &str, version: &str, body: &Value) -> Result<Reply, Stop> {
        self.client.post(format!("/admin/registry/handlers/{id}/versions/{version}/sign")).json(body).send().await
    }

    /// `POST …/versions/{version}/revoke`
    pub async fn revoke(&self, id: &str, version: &str) -> Result<Reply, Stop> {
        self.client
            .post(format!("/admin/registry/handlers/{id}/versions/{version}/revoke"))
            .json(&json!({"reason": "a check revokes it"}))
            .send()
            .await
    }

    /// `POST /admin/registry/handlers/{id}/revoke`
    pub async fn revoke_handler(&self, id: &str) -> Result<Reply, Stop> {
        self.client
            .post(format!("/admin/registry/handlers/{id}/revoke"))
            .json(&json!({"reason": "a check revokes it"}))
            .send()
            .await
    }

    /// `GET /registry/handlers`, with a query such as `?limit=2`.
    pub async fn list(&self, query: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/registry/handlers{query}")).send().await
    }

    /// `GET /registry/handlers/{id}`
    pub async fn detail(&self, id: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/registry/handlers/{id}")).send().await
    }

    /// `GET /registry/handlers/{id}/versions/{version}/{part}`
    pub async fn part(&self, id: &str, version: &str, part: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/registry/handlers/{id}/versions/{version}/{part}")).send().await
    }

    /// `POST /handlers/{id}/install`
    pub async fn install(&self, id: &str, version: &str) -> Result<Reply, Stop> {
        self.client.post(format!("/handlers/{id}/install")).json(&json!({"version": version})).send().await
    }

    /// `POST /handlers/{id}/upgrade`
    pub async fn upgrade(&self, id: &str, version: &str) -> Result<Reply, Stop> {
        self.client.post(format!("/handlers/{id}/upgrade")).json(&json!({"version": version})).send().await
    }

    /// `DELETE /handlers/{id}`
    pub async fn uninstall(&self, id: &str) -> Result<Reply, Stop> {
        self.client.delete(format!("/handlers/{id}")).send().await
    }

    /// `GET /handlers/{id}`
    pub async fn installation(&self, id: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/handlers/{id}")).send().await
    }

    /// `POST /handlers/{id}/executions` with this request body.
    pub async fn execute(&self, id: &str, body: &Value) -> Result<Reply, Stop> {
        self.client.post(format!("/handlers/{id}/executions")).json(body).send().await
    }

    /// `GET /handlers`, with a query such as `?limit=2`.
    pub async fn installations(&self, query: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/handlers{query}")).send().await
    }

    /// `GET /handlers/{id}/executions/{execution}`
    pub async fn record(&self, id: &str, execution: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/handlers/{id}/executions/{execution}")).send().await
    }

    /// `GET /handlers/{id}/state`, with a query such as `?limit=2`.
    pub async fn state(&self, id: &str, query: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/handlers/{id}/state{query}")).send().await
    }

    /// `GET /handlers/{id}/egress`, with a query such as `?limit=2`.
    pub async fn egress(&self, id: &str, query: &str) -> Result<Reply, Stop> {
        self.client.get(format!("/handlers/{id}/egress{query}")).send().await
    }

    /// `PUT /admin/egress/credentials/{name}`
    pub async fn put_credential(&self, name: &str, credential: &Value) -> Result<Reply, Stop> {
        self.client.put(credential_path(name)).json(credential).send().await
    }

    /// `GET /admin/egress/credentials`
    pub async fn credentials(&self) -> Result<Reply, Stop> {
        self.client.get("/admin/egress/credentials").send().await
    }

    /// `DELETE /admin/egress/credentials/{name}`
    pub async fn delete_credential(&self, name: &str) -> Result<Reply, Stop> {
        self.client.delete(credential_path(name)).send().await
    }

    /// Any JSON text as the body of an operation that takes JSON.
    pub async fn post_text(&self, path: &str, text: impl Into<Vec<u8>>) -> Result<Reply, Stop> {
        self.client.post(path).body("application/json", text.into()).send().await
    }
}

fn key_path(name: &str) -> String {
    format!("/admin/trust/keys/{name}")
}

fn credential_path(name: &str) -> String {
    format!("/admin/egress/credentials/{name}")
}
