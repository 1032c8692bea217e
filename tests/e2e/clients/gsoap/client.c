/* gSOAP 2.8, C: see ../README.md. Stubs by wsdl2h -c and soapcpp2 -c -C. */
#include <stdio.h>
#include <string.h>

#include "CountyExchangePortBinding.nsmap"
#include "soapH.h"

static const char *address, *sender, *secret, *message_id, *org_code;

/* gSOAP forgets both after every call. */
static void sign_in(struct soap *soap, const char *password) {
    soap->userid = sender;
    soap->passwd = password;
}

static void fill_step(struct soap *soap, struct ns1__ProcessRecord *record, int step_seq) {
    soap_default_ns1__ProcessRecord(soap, record);
    record->recordId = soap_malloc(soap, 200);
    snprintf(record->recordId, 200, "%s-%d", message_id, step_seq);
    record->caseNo = (char *)message_id;
    record->itemCode = "33032400AJ-XK-0001";
    record->orgCode = (char *)org_code;
    record->stepSeq = step_seq;
    record->officerName = "喆㛃䶮𬭎";
}

static int push(struct soap *soap, struct ns1__Receipt **receipt) {
    static time_t handled_at = 1772416800, applied_at = 1772415000, started_at = 1772431200;
    static int promised_limit = 5;
    struct ns1__Application application;
    struct ns1__ProcessRecord records[2];
    struct _ns1__pushProcess message = {(char *)message_id, 2, records};
    struct _ns1__pushProcessResponse answer;
    int error;

    fill_step(soap, &records[0], 1);
    records[0].stepName = "受理";
    records[0].stepStatus = "ACCEPTED";
    records[0].handledAt = &handled_at;
    records[0].opinion = "材料齐全 <甲> & \"乙\"";
    soap_default_ns1__Application(soap, &application);
    application.title = "样例食品店经营许可";
    application.appliedAt = applied_at;
    application.applicantName = "喆㛃䶮𬭎商店";
    application.promisedLimit = &promised_limit;
    application.limitUnit = "WORKING_DAY";
    records[0].application = &application;
    fill_step(soap, &records[1], 2);
    records[1].stepName = "审查";
    records[1].stepStatus = "RUNNING";
    records[1].startedAt = &started_at;
    sign_in(soap, secret);
    error = soap_call___ns1__pushProcess(soap, address, NULL, &message, &answer);
    if (error == SOAP_OK)
        *receipt = answer.receipt;
    else
        soap_print_fault(soap, stderr);
    return error;
}

static int query(struct soap *soap, const char *receipt_no, struct ns1__Receipt **receipt) {
    struct _ns1__queryReceipt question = {(char *)receipt_no, NULL};
    struct _ns1__queryReceiptResponse answer;
    int error;
    sign_in(soap, secret);
    error = soap_call___ns1__queryReceipt(soap, address, NULL, &question, &answer);
    if (error == SOAP_OK)
        *receipt = answer.receipt;
    return error;
}

static void refuse(void) {
    struct _ns1__ping nothing;
    struct _ns1__pingResponse pong;
    struct soap *soap = soap_new1(SOAP_C_UTFSTRING | SOAP_XML_STRICT);
    int error;
    sign_in(soap, "wrong");
    error = soap_call___ns1__ping(soap, address, NULL, &nothing, &pong);
    if (error)
        printf("refused=%d %s\n", error, *soap_faultstring(soap) ? *soap_faultstring(soap) : "");
    soap_destroy(soap);
    soap_end(soap);
    soap_free(soap);
}

/* SOAP 1.2, which gSOAP prefers when the WSDL has both, keeps the detail in another member. */
static void print_fault(struct soap *soap) {
    struct SOAP_ENV__Detail *detail = soap->fault->detail ? soap->fault->detail : soap->fault->SOAP_ENV__Detail;
    printf("fault=%s\n", soap_fault_string(soap));
    if (detail && detail->ns1__hubFault)
        printf("code=%s\n", detail->ns1__hubFault->code);
}

int main(int count, char **arguments) {
    struct soap *soap;
    struct _ns1__ping nothing;
    struct _ns1__pingResponse pong;
    struct ns1__Receipt *receipt;

    if (count != 6)
        return 2;
    address = strtok(arguments[1], "?");
    sender = arguments[2], secret = arguments[3], message_id = arguments[4], org_code = arguments[5];
    soap = soap_new1(SOAP_C_UTFSTRING | SOAP_XML_STRICT);
    sign_in(soap, secret);
    if (soap_call___ns1__ping(soap, address, NULL, &nothing, &pong))
        return 1;
    printf("contract=%s\n", pong.contract);
    if (push(soap, &receipt))
        return 1;
    printf("status=%s\naccepted=%d\n", receipt->status, receipt->acceptedCount);
    if (query(soap, receipt->receiptNo, &receipt))
        return 1;
    printf("states=%d\n", receipt->__sizerecordState);
    if (push(soap, &receipt))
        return 1;
    printf("again=%s\n", receipt->status);
    refuse();
    if (query(soap, "unknown", &receipt))
        print_fault(soap);
    soap_destroy(soap);
    soap_end(soap);
    soap_free(soap);
    return 0;
}
