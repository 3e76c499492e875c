//! What is refused, before anything of it is seen outside.

use assay_egress::{EgressError, Outcome};

use super::world::World;

#[tokio::test]
async fn what_no_rule_allows_is_denied_and_nobody_is_asked() {
    let world = World::new().await;
    let port = world.port;
    for url in [
        "https://api.example.test/".to_owned(),
        format!("http://api.example.test:{port}/"),
        format!("https://other.example.test:{port}/"),
        format!("https://api.example.test.:{port}/"),
        format!("https://evilapi.example.test:{port}/"),
        format!("https://u:p@api.example.test:{port}/"),
        format!("https://@api.example.test:{port}/"),
        format!("https:@api.example.test:{port}/"),
        format!("https://127.77.0.1:{port}/"),
        format!("https://2135752705:{port}/"),
        format!("https://[::1]:{port}/"),
        "data:text/plain,hello".to_owned(),
    ] {
        let mut request = world.get("/");
        request.url = url.clone();
        let result = world.send(request).await;
        assert_eq!(result, Err(EgressError::Denied("the handler may not reach this".to_owned())), "{url}");
        assert_eq!(world.last_entry().outcome, Outcome::Denied);
    }
    assert_eq!((world.queries(), world.connections()), (0, 0));
}

#[tokio::test]
async fn what_is_not_of_its_form_is_refused() {
    let world = World::new().await;
    type Edit = fn(&mut assay_egress::Request);
    let edits: [Edit; 13] = [
        |request| request.url = "/relative".to_owned(),
        |request| request.url.push('\\'),
        |request| request.url.push('\t'),
        |request| request.url = format!(" {}", request.url),
        |request| request.url.extend(std::iter::repeat_n('a', 8192)),
        |request| request.method = "get".to_owned(),
        |request| request.method = "CONNECT".to_owned(),
        |request| request.body = b"x".to_vec(),
        |request| request.headers.push(("a b".to_owned(), String::new())),
        |request| request.headers.push(("a".to_owned(), "x\r\nb: c".to_owned())),
        |request| request.headers.extend(std::iter::repeat_n(("a".to_owned(), String::new()), 9)),
        |request| request.headers.push(("a".to_owned(), "x".repeat(1000))),
        |request| {
            request.method = "POST".to_owned();
            request.body = vec![0; 10_001];
        },
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut request = world.get("/");
        edit(&mut request);
        let result = world.send(request).await;
        assert!(matches!(result, Err(EgressError::InvalidRequest(_))), "{number}: {result:?}");
        assert_eq!(world.last_entry().outcome, Outcome::InvalidRequest);
    }
    assert_eq!((world.queries(), world.connections()), (0, 0));
}

#[tokio::test]
async fn a_special_address_denies_as_if_no_rule_matched() {
    let world = World::new().await;
    for addresses in [&["127.0.0.1"][..], &["127.77.0.1", "10.0.0.1"], &["169.254.169.254", "127.77.0.1"]] {
        world.resolve("api.example.test", &[addresses]);
        let result = world.send(world.get("/")).await;
        assert_eq!(result, Err(EgressError::Denied("the handler may not reach this".to_owned())));
        let entry = world.last_entry();
        let reason = entry.reason.expect("a reason");
        assert!(!reason.contains(|character: char| character.is_ascii_digit()), "{reason}");
        assert_eq!(entry.address, None);
    }
    assert_eq!(world.connections(), 0);
}

#[tokio::test]
async fn the_answer_that_was_judged_is_the_one_that_is_used() {
    let world = World::new().await;
    world.resolve("api.example.test", &[&["127.77.0.1"], &["127.0.0.1"]]);
    assert_eq!(world.send(world.get("/")).await.expect("a response").status, 200);
    assert_eq!(world.queries(), 1);
    assert!(matches!(world.send(world.get("/")).await, Err(EgressError::Denied(_))), "asked anew for each exchange");
}

#[tokio::test]
async fn a_host_without_an_address_fails() {
    let world = World::new().await;
    world.resolve("api.example.test", &[&[]]);
    assert!(matches!(world.send(world.get("/")).await, Err(EgressError::Failed(_))));
}

#[tokio::test]
async fn a_certificate_for_another_name_fails_before_a_byte_is_sent() {
    let world = World::new().await;
    world.resolve("a.b.example.test", &[&["127.77.0.1"]]);
    let mut grant = world.grant("com.example.a");
    grant.rules = vec![format!("https://*.b.example.test:{}", world.port).parse().expect("a rule")];
    let mut request = world.get("/");
    request.url = format!("https://a.b.example.test:{}/", world.port);
    assert!(matches!(world.egress.send(&grant, request).await, Err(EgressError::Failed(_))));
    assert_eq!(world.connections(), 1);
    assert!(world.shared.requests.lock().expect("lock").is_empty());
    assert!(world.last_entry().address.is_some());
}
