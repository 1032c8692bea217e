// node-soap: see ../README.md.
const soap = require("soap");

const [wsdlUrl, sender, secret, messageId, orgCode] = process.argv.slice(2);

async function connect(password) {
  const client = await soap.createClientAsync(wsdlUrl);
  client.setSecurity(new soap.BasicAuthSecurity(sender, password));
  return client;
}

const shared = { caseNo: messageId, itemCode: "33032400AJ-XK-0001", orgCode };
const message = {
  messageId,
  record: [
    {
      recordId: `${messageId}-1`, ...shared, stepSeq: 1, stepName: "受理", officerName: "喆㛃䶮𬭎", stepStatus: "ACCEPTED",
      handledAt: "2026-03-02T10:00:00+08:00", opinion: '材料齐全 <甲> & "乙"',
      application: {
        title: "样例食品店经营许可", appliedAt: "2026-03-02T09:30:00+08:00", applicantName: "喆㛃䶮𬭎商店",
        promisedLimit: 5, limitUnit: "WORKING_DAY",
      },
    },
    {
      recordId: `${messageId}-2`, ...shared, stepSeq: 2, stepName: "审查", officerName: "喆㛃䶮𬭎", stepStatus: "RUNNING",
      startedAt: "2026-03-02T14:00:00+08:00",
    },
  ],
};

async function main() {
  const hub = await connect(secret);
  const [pong] = await hub.pingAsync({});
  console.log(`contract=${pong.contract}`);
  const [pushed] = await hub.pushProcessAsync(message);
  console.log(`status=${pushed.receipt.status}\naccepted=${pushed.receipt.acceptedCount}`);
  const [queried] = await hub.queryReceiptAsync({ receiptNo: pushed.receipt.receiptNo });
  console.log(`states=${queried.receipt.recordState.length}`);
  const [again] = await hub.pushProcessAsync(message);
  console.log(`again=${again.receipt.status}`);
  const stranger = await connect("wrong");
  await stranger.pingAsync({}).catch((refusal) => console.log(`refused=${refusal.message}`));
  await hub.queryReceiptAsync({ receiptNo: "unknown" }).catch((error) => {
    const fault = error.root.Envelope.Body.Fault;
    console.log(`fault=${fault.faultstring}\ncode=${fault.detail.hubFault.code}`);
  });
}

main();
