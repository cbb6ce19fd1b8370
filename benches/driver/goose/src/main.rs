//! Users who ask for the same small answer again and again.

use goose::prelude::*;

async fn ping(user: &mut GooseUser) -> TransactionResult {
    user.get("/api/v4/system/ping").await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    GooseAttack::initialize()?
        .register_scenario(scenario!("ping").register_transaction(transaction!(ping)))
        .execute()
        .await?;
    Ok(())
}
