//! Handlers that send requests, and hosts that see them: what the checks of egress are written in.
//!
//! A denial counts only beside its control: the twin that is allowed is answered with its host's nonce in the same execution.

use assay_fixtures::exchange::{self, Answer, Request, Response, Then};
use assay_fixtures::{Behaviour, Recipe};
use assay_harness::observatory::{Host, Watch};
use assay_harness::{Control as _, Cx, Need, Stop, ensure};
use serde_json::{Value, json};

use crate::installed::{Execution, Installed};
use crate::operations::Operations;
use crate::publisher::Publisher;

/// What every check of egress needs.
pub const NEEDS: &[Need] = &[Need::Feature("egress"), Need::Observatory];

/// What a check of egress needs that judges addresses: behind a proxy the target sees none.
pub const DIRECT: &[Need] = &[Need::Feature("egress"), Need::Observatory, Need::Addresses];

/// The case of an answer that is a response, as the audit names it.
pub const ANSWERED: &str = "answered";

/// A publisher and the hosts of one check.
#[derive(Clone)]
pub struct Outside {
    cx: Cx,
    publisher: Publisher,
    watch: Watch,
}

/// A handler that sends the requests of its input.
#[derive(Clone)]
pub struct Sender {
    handler: Installed,
    publisher: Publisher,
}

impl Outside {
    /// A trusted publisher, and an observatory without hosts.
    ///
    /// # Errors
    /// As for [`Publisher::new`] and [`Cx::observatory`].
    pub async fn new(cx: &Cx) -> Result<Outside, Stop> {
        Ok(Outside { cx: cx.clone(), publisher: Publisher::new(cx).await?, watch: cx.observatory()? })
    }

    /// The publisher.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The observatory.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// A host that answers with its nonce.
    ///
    /// # Errors
    /// ERROR if there is no address for it.
    pub fn host(&self, label: &str) -> Result<Host, Stop> {
        self.watch.host(label)
    }

    /// A recipe for a handler that sends, with these rules.
    pub fn recipe(&self, leaf: &str, rules: &[String]) -> Recipe {
        self.recipe_of(leaf, Behaviour::Fetch, rules)
    }

    /// The same for another behaviour.
    pub fn recipe_of(&self, leaf: &str, behaviour: Behaviour, rules: &[String]) -> Recipe {
        self.publisher
            .recipe(leaf, behaviour)
            .limit("timeout_ms", 10_000)
            .limit("memory_bytes", 8 << 20)
            .set("/permissions/egress", json!(rules))
    }

    /// Installs a handler that sends, with these rules.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is refused.
    pub async fn sender(&self, leaf: &str, rules: &[String]) -> Result<Sender, Stop> {
        self.install(&self.recipe(leaf, rules)).await
    }

    /// The same with `/limits/egress`.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is refused.
    pub async fn limited(&self, leaf: &str, rules: &[String], limits: Value) -> Result<Sender, Stop> {
        self.install(&self.recipe(leaf, rules).set("/limits/egress", limits)).await
    }

    /// Installs a recipe of [`Outside::recipe`].
    ///
    /// # Errors
    /// INCONCLUSIVE if it is refused.
    pub async fn install(&self, recipe: &Recipe) -> Result<Sender, Stop> {
        let handler = self.publisher.install(recipe).await?;
        Ok(Sender { handler, publisher: self.publisher.clone() })
    }

    /// The handler of this leaf, which was installed by other means.
    pub fn named(&self, leaf: &str) -> Sender {
        let handler = Installed::new(&self.cx, &self.publisher.id(leaf), "1.0.0");
        Sender { handler, publisher: self.publisher.clone() }
    }

    /// A host and a handler that may reach it: all that many checks need.
    ///
    /// # Errors
    /// As for [`Outside::host`] and [`Outside::sender`].
    pub async fn pair(cx: &Cx) -> Result<(Outside, Host, Sender), Stop> {
        let outside = Outside::new(cx).await?;
        let host = outside.host("api")?;
        let sender = outside.sender("sender", &[host.rule()]).await?;
        Ok((outside, host, sender))
    }

    /// The context of the check.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }
}

impl Sender {
    /// The handler's id.
    pub fn id(&self) -> &str {
        self.handler.id()
    }

    /// The handler.
    pub fn handler(&self) -> &Installed {
        &self.handler
    }

    /// Sends these in one execution, one after the other.
    ///
    /// # Errors
    /// FAIL if the execution does not succeed or its output is no list of so many answers.
    pub async fn send_all(&self, requests: &[Request]) -> Result<Vec<Answer>, Stop> {
        answers(&self.handler.execute(exchange::input(requests)).await?, requests.len())
    }

    /// Sends one request in an execution of its own.
    ///
    /// # Errors
    /// As for [`Sender::send_all`].
    pub async fn send(&self, request: Request) -> Result<Answer, Stop> {
        Ok(self.send_all(&[request]).await?.remove(0))
    }

    /// Runs to this end, whatever becomes of the requests.
    ///
    /// # Errors
    /// FAIL if the target does not answer with an execution.
    pub async fn run(&self, requests: &[Request], then: Then) -> Result<Execution, Stop> {
        self.handler.execute(exchange::input_then(requests, then)).await
    }

    /// The control: a `GET` of the host is answered with its nonce.
    ///
    /// # Errors
    /// INCONCLUSIVE if it is not.
    pub async fn reaches(&self, host: &Host) -> Result<(), Stop> {
        let reach = async { nonce(&self.send(Request::get(host.url("/control"))).await?, host) };
        reach.await.control("the host that is allowed is reached")
    }

    /// Judges that a request is refused with this case, between two requests for the host that is allowed.
    ///
    /// # Errors
    /// FAIL if it comes to something else; INCONCLUSIVE if the allowed ones are not answered.
    pub async fn refused(&self, request: Request, case: &str, allowed: &Host) -> Result<(), Stop> {
        let what = format!("{} {}", request.method.escape_debug(), shown(&request.url));
        let before = allowed.requests().len();
        let twin = Request::get(allowed.url("/twin"));
        let answers = self.send_all(&[twin.clone(), request, twin]).await?;
        let reached = async {
            nonce(&answers[0], allowed)?;
            nonce(&answers[2], allowed)
        };
        reached.await.control("the twin that is allowed is reached")?;
        expect(&answers[1], case).map_err(|stop| told(stop, &what))?;
        let seen = allowed.requests();
        let twins = seen.iter().skip(before).all(|seen| seen.target == "/twin");
        ensure!(twins, "{what}: was refused, and the host saw it all the same");
        Ok(())
    }

    /// Every entry of the handler's audit, oldest first.
    ///
    /// # Errors
    /// FAIL if a page is not of its form.
    pub async fn audit(&self) -> Result<Vec<Value>, Stop> {
        audit(&self.publisher.admin(), self.id()).await
    }
}

/// Every entry of the audit of a handler, page by page.
///
/// # Errors
/// FAIL if a page is not of its form.
pub async fn audit(operations: &Operations, id: &str) -> Result<Vec<Value>, Stop> {
    let (mut entries, mut query) = (Vec::new(), "?limit=100".to_owned());
    loop {
        let page = operations.egress(id, &query).await?.expect(200)?.json()?;
        let found = page["entries"].as_array().cloned();
        entries.extend(found.ok_or_else(|| Stop::Fail(format!("the audit has no list `entries`: {page}")))?);
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=100&cursor={cursor}"),
            None => return Ok(entries),
        }
    }
}

/// What became of the requests of an execution.
///
/// # Errors
/// FAIL if it did not succeed, or its output is no list of so many answers.
pub fn answers(execution: &Execution, count: usize) -> Result<Vec<Answer>, Stop> {
    execution.expect("success")?;
    let answers = exchange::outcomes(execution.output()).map_err(Stop::Fail)?;
    ensure!(answers.len() == count, "of {count} requests {} came to an end", answers.len());
    Ok(answers)
}

/// What an answer is called in the audit.
pub fn case(answer: &Answer) -> &str {
    match answer {
        Ok(_) => ANSWERED,
        Err(error) => error.as_str(),
    }
}

/// Judges what became of a request.
///
/// # Errors
/// FAIL if it is something else.
pub fn expect(answer: &Answer, expected: &str) -> Result<(), Stop> {
    let detail = match answer {
        Ok(response) => format!("status {}", response.status),
        Err(error) => error.message().to_owned(),
    };
    ensure!(case(answer) == expected, "came to `{}` ({}), expected `{expected}`", case(answer), shown(&detail));
    Ok(())
}

/// Judges that a request was answered.
///
/// # Errors
/// FAIL if it was not.
pub fn response(answer: &Answer) -> Result<&Response, Stop> {
    expect(answer, ANSWERED)?;
    answer.as_ref().map_err(|error| Stop::Fail(error.as_str().to_owned()))
}

/// Judges that a request was answered by this host.
///
/// # Errors
/// FAIL if it was not, or with something else than its nonce.
pub fn nonce(answer: &Answer, host: &Host) -> Result<(), Stop> {
    let response = response(answer)?;
    ensure!(
        response.status == 200 && response.text().contains(host.nonce()),
        "the answer is {} with {:?}, and not the nonce of {}",
        response.status,
        shown(&response.text()),
        host.name()
    );
    Ok(())
}

/// Judges that nothing at all was seen of a host: no question for its name and no connection.
///
/// # Errors
/// FAIL if something was.
pub fn unnoticed(host: &Host) -> Result<(), Stop> {
    ensure!(
        !host.was_noticed(),
        "{} was noticed: {} questions for its name, {} connections",
        host.name(),
        host.queries().len(),
        host.connections().len()
    );
    Ok(())
}

/// Judges that nobody connected to a host.
///
/// # Errors
/// FAIL if somebody did.
pub fn unreached(host: &Host) -> Result<(), Stop> {
    ensure!(!host.was_reached(), "{} was reached by {} connections", host.name(), host.connections().len());
    Ok(())
}

/// A text short enough for a reason.
pub fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// The same end, with what it is about in front.
pub fn told(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Fail(reason) => Stop::Fail(format!("{what} {reason}")),
        other => other,
    }
}
