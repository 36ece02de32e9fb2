//! `fault`: throws a fault of the definition's own, or again the one that is being handled.

use crate::{
    machine::{Machine, Trouble},
    reserved::handled,
};
use bureaucrat_model::{FaultCode, FiberId, JsonText, Operand};

pub(crate) fn start(
    machine: &mut Machine<'_>,
    fiber: FiberId,
    code: Option<&Operand<FaultCode>>,
    message: &Operand<String>,
    data: Option<&Operand<JsonText>>,
) -> Result<(), Trouble> {
    let Some(code) = code else {
        let fault = handled(machine.instance, machine.fiber(fiber)?);
        let fault = fault.cloned();
        let fault = fault.ok_or_else(|| Trouble::program("no fault is being handled"))?;
        machine.throw(fiber, fault);
        return Ok(());
    };
    let mut values = machine.values(fiber)?;
    let code = values.code(code)?;
    let message = values.text(message)?;
    let data = data.map(|data| values.take_or(data)).transpose()?;
    Err(Trouble {
        data,
        ..Trouble::new(code.as_str(), message)
    })
}
