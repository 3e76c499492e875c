//! A publisher with a trusted key of its own: the first step of almost every check.

use assay_fixtures::{Behaviour, Key, Package, Packaging, Recipe, Release};
use assay_harness::{Control as _, Cx, Reply, Stop, ensure};
use serde_json::{Value, json};

use crate::form::Form;
use crate::installed::Installed;
use crate::operations::Operations;
use crate::refusal::{Refusal, refused};

/// Somebody who signs handlers below the check's own namespace.
#[derive(Clone)]
pub struct Publisher {
    cx: Cx,
    key: Key,
    key_name: String,
}

impl Publisher {
    /// Generates a key and makes it trusted for every handler id of the check.
    ///
    /// # Errors
    /// INCONCLUSIVE if the target does not take the key.
    pub async fn new(cx: &Cx) -> Result<Publisher, Stop> {
        let publisher = Publisher::stranger(cx, "publisher");
        publisher.trust(&key_body(&publisher.key, &[publisher.scope()], None)).await?;
        Ok(publisher)
    }

    /// Generates a key under a name that nobody was told about.
    pub fn stranger(cx: &Cx, word: &str) -> Publisher {
        let mut seed = [0; 32];
        rand::RngCore::fill_bytes(&mut cx.rng(), &mut seed);
        // One check has several keys: the word tells them apart, and the namespace tells runs apart.
        for (byte, mark) in seed.iter_mut().zip(word.bytes().chain(cx.namespace().bytes())) {
            *byte ^= mark;
        }
        Publisher { cx: cx.clone(), key: Key::from_seed(seed), key_name: format!("{}-{word}", cx.namespace()) }
    }

    /// Makes the key trusted with this body of `PUT /admin/trust/keys/{key}`.
    ///
    /// # Errors
    /// INCONCLUSIVE if the target does not take it.
    pub async fn trust(&self, body: &Value) -> Result<(), Stop> {
        let put = async {
            let reply = self.control().put_key(&self.key_name, body).await?.expect(201)?;
            let shown = reply.json()?;
            ensure!(shown["public_key"] == body["public_key"], "{}: another key came back", reply.describe());
            Ok(())
        };
        put.await.control("a publisher's key is made trusted")
    }

    /// The key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The name under which the key is, or would be, trusted.
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// The scope that covers every id of the check.
    pub fn scope(&self) -> String {
        format!("{}.*", self.cx.namespace())
    }

    /// A handler id of the check.
    pub fn id(&self, leaf: &str) -> String {
        format!("{}.{leaf}", self.cx.namespace())
    }

    /// An admin whose exchanges are what the check judges.
    pub fn admin(&self) -> Operations {
        Operations::of(self.cx.admin())
    }

    /// A user whose exchanges are what the check judges.
    pub fn user(&self) -> Operations {
        Operations::of(self.cx.user())
    }

    /// An admin whose exchanges show that the oracle is live.
    pub fn control(&self) -> Operations {
        Operations::of(self.cx.admin().control())
    }

    /// A recipe for a handler of the check, in the packaging under test.
    pub fn recipe(&self, leaf: &str, behaviour: Behaviour) -> Recipe {
        Recipe::new(self.id(leaf), behaviour).packaging(Publisher::packaging(&self.cx))
    }

    /// The packaging under test.
    pub fn packaging(cx: &Cx) -> Packaging {
        match cx.packaging() {
            "component" => Packaging::Component,
            _ => Packaging::Core,
        }
    }

    /// The package of a recipe, signed by this publisher as a release that is in date and follows nothing.
    pub fn sign(&self, recipe: &Recipe) -> Package {
        recipe.build().signed(&self.key)
    }

    /// Signs and uploads.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is not accepted.
    pub async fn publish(&self, recipe: &Recipe) -> Result<Package, Stop> {
        let package = self.sign(recipe);
        self.store(&package).await?;
        Ok(package)
    }

    /// Signs as the follower of `previous` and uploads.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is not accepted.
    pub async fn publish_after(&self, recipe: &Recipe, previous: &Package) -> Result<Package, Stop> {
        let release = Release::valid().previous(previous.digest());
        let package = recipe.build().signed_with(&self.key, release);
        self.store(&package).await?;
        Ok(package)
    }

    /// Uploads as it is.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is not accepted.
    pub async fn store(&self, package: &Package) -> Result<(), Stop> {
        accept(&self.control(), package).await.control("a valid package is uploaded")
    }

    /// Uploads as it is, as what the check judges.
    ///
    /// # Errors
    /// FAIL if it is not accepted.
    pub async fn accepted(&self, package: &Package) -> Result<(), Stop> {
        accept(&self.admin(), package).await
    }

    /// Signs, uploads and installs.
    ///
    /// # Errors
    /// INCONCLUSIVE if any step is refused.
    pub async fn install(&self, recipe: &Recipe) -> Result<Installed, Stop> {
        let package = self.publish(recipe).await?;
        self.install_stored(&package).await
    }

    /// Installs what was uploaded.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is refused.
    pub async fn install_stored(&self, package: &Package) -> Result<Installed, Stop> {
        let (id, version) = (package.id(), package.version());
        let install = async { self.control().install(&id, &version).await?.expect(201) };
        install.await.control("a valid release is installed")?;
        Ok(Installed::new(&self.cx, &id, &version))
    }

    /// A minimal pair: `flawed` must be refused as prescribed and leave nothing; `twin`, which differs in one edit, must
    /// be accepted.
    ///
    /// # Errors
    /// FAIL if the flawed one is accepted, refused for another reason, or stored; INCONCLUSIVE if the twin is refused.
    pub async fn pair(&self, flawed: &Package, twin: &Package, refusal: &Refusal) -> Result<(), Stop> {
        self.pair_of_forms(&Form::of(flawed), &Form::of(twin), &twin.id(), &twin.version(), refusal).await
    }

    /// A minimal pair of forms. The id and version are those that must not be stored when the flawed one was refused.
    ///
    /// # Errors
    /// As for [`Publisher::pair`].
    pub async fn pair_of_forms(
        &self,
        flawed: &Form,
        twin: &Form,
        id: &str,
        version: &str,
        refusal: &Refusal,
    ) -> Result<(), Stop> {
        if flawed == twin {
            return Err(Stop::Error("the minimal pair is no pair: the edit changed nothing".to_owned()));
        }
        refusal.judge(&self.admin().upload_form(flawed).await?)?;
        self.absent(id, version).await?;
        let accepted = async { acknowledged(&self.control().upload_form(twin).await?.expect(201)?, version) };
        accepted.await.control("the twin without the flaw is accepted")
    }

    /// Judges that the registry does not have this version.
    ///
    /// # Errors
    /// FAIL if the manifest can be downloaded or the detail shows the version.
    pub async fn absent(&self, id: &str, version: &str) -> Result<(), Stop> {
        refused("not-found").judge(&self.admin().part(id, version, "manifest").await?)?;
        let detail = self.admin().detail(id).await?;
        if detail.status() == 404 {
            return refused("not-found").judge(&detail);
        }
        let detail = detail.expect(200)?;
        let releases = detail.json()?["versions"].as_array().cloned().unwrap_or_default();
        ensure!(
            !releases.iter().any(|release| release["version"] == version),
            "{}: shows the version {version}, which was refused",
            detail.describe()
        );
        Ok(())
    }
}

/// Uploads and judges the acknowledgement: the release that was sent, by its version and digest.
async fn accept(operations: &Operations, package: &Package) -> Result<(), Stop> {
    let reply = operations.upload(package).await?.expect(201)?;
    acknowledged(&reply, &package.version())?;
    let (found, sent) = (reply.json()?["package"].clone(), package.digest());
    ensure!(found == sent, "{}: the package is {found}, sent was {sent}", reply.describe());
    Ok(())
}

/// Judges that an upload was answered with the release of this version.
fn acknowledged(reply: &Reply, version: &str) -> Result<(), Stop> {
    let found = reply.json()?["version"].clone();
    ensure!(found == version, "{}: the version is {found}, sent was {version}", reply.describe());
    Ok(())
}

/// The body of `PUT /admin/trust/keys/{key}` for a publisher's key.
pub fn key_body(key: &Key, scope: &[String], not_after: Option<String>) -> Value {
    json!({
        "algorithm": "ed25519",
        "public_key": key.public_base64(),
        "role": "publisher",
        "scope": scope,
        "not_after": not_after,
    })
}
